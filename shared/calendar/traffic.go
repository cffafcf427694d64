package calendar

// Traffic counts what a provider has sent and received.
type Traffic struct {
	Requests    int64 `json:"requests" doc:"HTTP requests."`
	SubRequests int64 `json:"sub_requests" doc:"Requests within batches."`
	Up          int64 `json:"up" doc:"Bytes of bodies sent."`
	Down        int64 `json:"down" doc:"Bytes of bodies received, decompressed."`
	Throttled   int64 `json:"throttled" doc:"Answers that asked to slow down, those within batches too."`
}

// Add counts what another provider has sent and received, too.
func (t *Traffic) Add(other Traffic) {
	t.Requests += other.Requests
	t.SubRequests += other.SubRequests
	t.Up += other.Up
	t.Down += other.Down
	t.Throttled += other.Throttled
}
