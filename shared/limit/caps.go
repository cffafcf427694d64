package limit

// How much of a thing there may be. What is over a cap is refused with an error that says how much there may be and what to do. Caps
// that belong to a format or to one type stand beside it: calendar/ics.MaxBytes for an imported file, job.MaxJobs, store.MaxItem.
const (
	// Configs is how many archive configs a user may have.
	Configs = 100
	// Customers is how many customers a user may have.
	Customers = 500
	// LocalCalendars is how many local calendars a user may have, of all accounts together.
	LocalCalendars = 100
	// Uploads is how many uploaded files a user may have at once.
	Uploads = 10
	// Decisions is how many decisions one request may have.
	Decisions = 200
	// RunDays is the longest window of a run, in days: what one run reads, plans and writes at once.
	RunDays = 400
	// PeriodDays is the longest period whose events or overlaps are read at once, in days.
	PeriodDays = 3700
	// UploadBytes is the largest file that is uploaded, as it comes: compressed by zstd it has all the events that one restore takes.
	UploadBytes = 64 << 20
	// BodyBytes is the largest body of a request, but for an import.
	BodyBytes = 6 << 20
)
