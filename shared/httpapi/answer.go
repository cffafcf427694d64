package httpapi

import "net/http"

// LimitAnswers answers with a problem in place of a body over most bytes, for surroundings that cannot pass more on. Answers are
// held back until they are whole, and not kept beyond what can be passed on.
func LimitAnswers(api http.Handler, most int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &buffered{header: w.Header(), most: most + 1}
		api.ServeHTTP(answer, r)
		if answer.body.Len() > most {
			for _, name := range []string{"Content-Disposition", "Content-Length", "Etag", "Location"} { // of the other body
				answer.header.Del(name)
			}
			problem := newProblem(r.Context(), codeAnswerTooLarge, "",
				tooLargeToAnswer(int64(most)))
			problem.Correlation = answer.header.Get(headerCorrelation)
			writeProblem(w, problem)
			return
		}
		answer.WriteHeader(http.StatusOK)
		w.WriteHeader(answer.status)
		_, _ = w.Write(answer.body.Bytes()) // nobody is left to tell
	})
}
