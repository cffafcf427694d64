package graphsim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// serveSim answers requests for the simulator itself, which need no token: GET and DELETE of /_sim/log (JSON lines of Entry; deleting
// forgets the violations too), GET of /_sim/violations, and GET, POST (adds) and DELETE of /_sim/faults (JSON lines of Fault).
func (s *Server) serveSim(w http.ResponseWriter, r *http.Request) {
	lines := func(n int, line func(i int) any) {
		w.Header().Set("Content-Type", "application/jsonl")
		out := json.NewEncoder(w)
		for i := range n {
			_ = out.Encode(line(i)) // the reader has gone
		}
	}
	switch r.Method + " " + strings.TrimPrefix(r.URL.Path, "/_sim/") {
	case "GET log":
		log := s.Log()
		lines(len(log), func(i int) any { return log[i] })
	case "DELETE log":
		s.ResetLog()
		w.WriteHeader(http.StatusNoContent)
	case "GET violations":
		seen := s.Violations()
		lines(len(seen), func(i int) any { return seen[i] })
	case "GET faults":
		faults := s.Faults()
		lines(len(faults), func(i int) any { return faults[i] })
	case "POST faults":
		faults, err := ReadFaults(r.Body)
		if err == nil {
			err = s.AddFaults(faults...)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case "DELETE faults":
		_ = s.SetFaults() // none is always right
		w.WriteHeader(http.StatusNoContent)
	default:
		http.Error(w, "unknown: "+r.Method+" "+r.URL.Path, http.StatusNotFound)
	}
}
