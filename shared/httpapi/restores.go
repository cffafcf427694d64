package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/imports"
	"adminassistant/shared/limit"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

func (s *server) restoreRoutes() {
	handle(s, route{
		pattern: "POST /v1/uploads", access: byUsers, class: limit.Bulk, action: "upload.create",
		body: body{kinds: []string{contentFile, contentCalendar, "text/csv", "application/x-ndjson", contentZstd}, format: "binary", most: limit.UploadBytes},
		tag:  tagRestores, summary: "Upload a file to restore it", success: http.StatusCreated,
		description: "The body is a file in one of the formats of a backup, JSONL, iCalendar or CSV, or one of them compressed by zstd; what it " +
			"is shows from what it holds. It stays for a day.",
	}, s.upload)
	handle(s, route{
		pattern: "POST /v1/uploads/direct", access: byUsers, class: limit.Bulk, action: "upload.begin",
		tag: tagRestores, summary: "Begin to upload a large file", success: http.StatusCreated,
		description: "For files that are larger than a gateway takes, some 4 MB. The file goes by PUT, with its Content-Length and no token, to the " +
			"address that is answered, within the minutes that it is good; then POST /v1/uploads/{id}/arrived. An empty address: this server takes it " +
			"with POST /v1/uploads.",
	}, s.beginUpload)
	handle(s, route{
		pattern: "POST /v1/uploads/{id}/arrived", access: byUsers, class: limit.Bulk, action: "upload.create",
		tag: tagRestores, summary: "Note a large file that was uploaded", success: http.StatusCreated,
		description: "Only its beginning is looked at: the run that restores or imports the file says what is wrong with the rest, and whether it is the " +
			"file of that checksum. It stays for a day.",
	}, s.uploadArrived)
	handle(s, route{
		pattern: "POST /v1/restores", access: byUsers, class: limit.Starts, action: "restore.start",
		tag: tagRestores, summary: "Put what a backup or an uploaded file holds into a calendar", success: http.StatusAccepted, document: alsoOK,
		description: "Answers 202 with the new run, or 200 with the same run when it is under way already. Nobody is invited or told: copies have " +
			"no attendees; who was invited is text. A dry run shows what would become of each event. The items of replaced events name the " +
			"fields that change. While another " +
			"restore into the calendar has not ended, a run waits for it and a dry run names it.",
	}, s.startRestore)
	handle(s, route{
		pattern: "POST /v1/imports", access: byUsers, class: limit.Starts, action: "import.start",
		tag: tagCalendars, summary: "Put an uploaded iCalendar file into a local calendar", success: http.StatusAccepted, document: alsoOK,
		description: "Answers 202 with the new run, or 200 with the same run when it is under way already. What is done with each event is as " +
			"with POST /v1/calendars/{id}/import, for files of any size: a worker does it, all of it or nothing. The run's items say what became of each.",
	}, s.startImport)
	handle(s, route{
		pattern: "POST /v1/backups/drills", access: byUsers, class: limit.Starts, action: "drill.start",
		tag: tagBackups, summary: "Start a restore drill", success: http.StatusAccepted, document: alsoOK,
		description: "The newest backup of all of the calendar is restored into a new calendar beside it, compared field by field, and the new " +
			"calendar removed. The run fails when anything differs.",
	}, s.startDrill)
}

// uploadInput is a request whose body the handler reads itself, as it comes.
type uploadInput struct{ body io.Reader }

// Resolve keeps the body for the handler.
func (in *uploadInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

// uploadView is an uploaded file as a response has it.
type uploadView struct {
	ID      string    `json:"id"`
	Format  string    `json:"format" enum:"jsonl,ics,csv"`
	Events  int       `json:"events" doc:"A series and each of its changed instances count as one."`
	Unread  bool      `json:"unread,omitempty" doc:"It is too large to be looked at now: how many events it has shows when it is restored."`
	Aside   int       `json:"set_aside" doc:"Events that cannot be read; restoring the file restores the others."`
	Bytes   int64     `json:"bytes"`
	SHA256  string    `json:"sha256"`
	Expires time.Time `json:"expires"`
}

func (s *server) upload(ctx context.Context, in *uploadInput) (*struct{ Body uploadView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	u, err := s.Uploads.Put(ctx, who, in.body)
	if err != nil {
		return nil, err
	}
	return &struct{ Body uploadView }{viewUpload(u)}, nil
}

func viewUpload(u restore.Upload) uploadView {
	return uploadView{
		ID: u.ID, Format: string(u.Format), Events: u.Events, Unread: u.Unread, Aside: u.Aside, Bytes: u.Bytes, SHA256: u.SHA256, Expires: u.Expires,
	}
}

// Receiver is blob storage into which a client can put an object by itself.
type Receiver interface {
	// PresignPut returns an address to which an object of so many bytes can be put for a while.
	PresignPut(ctx context.Context, key string, bytes int64, lasts time.Duration) (string, error)
}

type uploadAddress struct {
	ID    string     `json:"id" doc:"Of the file, once it has arrived."`
	URL   string     `json:"url" doc:"Where to put it; empty: POST /v1/uploads takes it."`
	Until *time.Time `json:"until,omitempty" doc:"When the address is good no more."`
}

func (s *server) beginUpload(ctx context.Context, in *struct {
	Body struct {
		Bytes int64 `json:"bytes" minimum:"1" doc:"Size of the file as it is sent."`
	}
}) (*struct{ Body uploadAddress }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	there, ok := s.Blobs.(Receiver)
	if !ok {
		return &struct{ Body uploadAddress }{}, nil
	}
	id, key, err := s.Uploads.Begin(ctx, who, in.Body.Bytes)
	if err != nil {
		return nil, err
	}
	until := s.Clock().Add(presigned).UTC()
	address, err := there.PresignPut(ctx, key, in.Body.Bytes, presigned)
	if err != nil {
		return nil, err
	}
	return &struct{ Body uploadAddress }{uploadAddress{ID: id, URL: address, Until: &until}}, nil
}

func (s *server) uploadArrived(ctx context.Context, in *struct {
	ByID
	Body struct {
		Bytes  int64  `json:"bytes" minimum:"1" doc:"Size of the file as it was sent."`
		SHA256 string `json:"sha256" pattern:"^[0-9a-f]{64}$" doc:"Of the file as it was sent, in hexadecimal."`
	}
}) (*struct{ Body uploadView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	u, err := s.Uploads.Arrived(ctx, who, in.ID, in.Body.Bytes, in.Body.SHA256)
	if err != nil {
		return nil, err
	}
	return &struct{ Body uploadView }{viewUpload(u)}, nil
}

type restoreInput struct {
	Backup string `json:"backup,omitempty" doc:"Id of a backup."`
	Upload string `json:"upload,omitempty" doc:"Id of an uploaded file; instead of backup."`
	Into   string `json:"into" minLength:"1" doc:"URI of the calendar." example:"local://me/calendars/Work"`
	Policy string `json:"policy,omitempty" enum:"skip,replace,duplicate" default:"skip" doc:"What is done where the event is there already."`
	WhichDays
	Timezone       string `json:"timezone,omitempty" doc:"IANA time zone of days and of times without one; by default your own." example:"Europe/Berlin"`
	DryRun         bool   `json:"dry_run,omitempty" doc:"Show what would become of each event, and write nothing."`
	CreateCalendar bool   `json:"create_calendar,omitempty" doc:"Create the calendar if it does not exist."`
	Strict         bool   `json:"strict,omitempty" doc:"Restore all of the file or nothing: an event that would be set aside is an error."`
}

func (s *server) startRestore(ctx context.Context, in *struct{ Body restoreInput }) (*runAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	own, err := s.settings(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	uri, err := parseURI("into", b.Into)
	if err != nil {
		return nil, err
	}
	if err := s.reach(ctx, who, uri); err != nil {
		return nil, err
	}
	input := restore.Input{
		Backup: b.Backup, Upload: b.Upload, Policy: restore.Policy(b.Policy), Zone: cmp.Or(b.Timezone, own.Zone), CreateCalendar: b.CreateCalendar, Strict: b.Strict,
	}
	if err := input.Check(); err != nil {
		return nil, err
	}
	if input.Upload != "" {
		u, err := s.Uploads.Get(ctx, who, input.Upload)
		if err != nil {
			return nil, err
		}
		input.SHA256 = u.SHA256
	} else if _, err := s.Backups.Get(ctx, who, input.Backup); err != nil {
		return nil, err
	}
	r := &run.Run{Kind: run.Restore, Calendar: uri.String(), Options: run.Options{DryRun: b.DryRun}}
	if b.WhichDays != (WhichDays{}) {
		w, err := b.window(input.Zone, s.Clock(), own.Weekday())
		if err != nil {
			return nil, err
		}
		r.From, r.To = w.From, w.To
	}
	if r.Input, err = json.Marshal(input); err != nil {
		return nil, fmt.Errorf("input of a restore: %w", err)
	}
	if err := s.Accounts.Note(ctx, who, uri); err != nil {
		return nil, err
	}
	return s.launch(ctx, who, r)
}

type importStart struct {
	Calendar string `json:"calendar" minLength:"1" doc:"URI of the local calendar." example:"local://me/calendars/Work"`
	Upload   string `json:"upload" minLength:"1" doc:"Id of an uploaded iCalendar file."`
	DryRun   bool   `json:"dry_run,omitempty" doc:"Say what would be imported, and write nothing."`
	Strict   bool   `json:"strict,omitempty" doc:"Import all of the file or nothing: an event that would be set aside is an error."`
	Mirror   bool   `json:"mirror,omitempty" doc:"Also remove what the file does not have; not of an archive. An event that would be set aside is an error then."`
}

func (s *server) startImport(ctx context.Context, in *struct{ Body importStart }) (*runAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	uri, err := parseURI("calendar", b.Calendar)
	if err != nil {
		return nil, err
	}
	if uri.Provider != calendar.ProviderLocal {
		return nil, fault.Field("calendar", "is one of %s; only local calendars are imported into, a restore puts files into others", uri.Provider)
	}
	if _, err := s.lookUp(ctx, uri); err != nil {
		return nil, at("calendar", err)
	}
	u, err := s.Uploads.Get(ctx, who, b.Upload)
	if err != nil {
		return nil, err
	}
	if u.Format != backup.ICS {
		return nil, fault.Field("upload", "is a file of %s; an iCalendar file is imported, a restore puts others into a calendar", u.Format)
	}
	r := &run.Run{Kind: run.Import, Calendar: uri.String(), Options: run.Options{DryRun: b.DryRun}}
	if r.Input, err = json.Marshal(imports.Input{Upload: u.ID, SHA256: u.SHA256, Strict: b.Strict, Mirror: b.Mirror}); err != nil {
		return nil, fmt.Errorf("input of an import: %w", err)
	}
	return s.launch(ctx, who, r)
}

func (s *server) startDrill(ctx context.Context, in *struct{ Body WhichCalendar }) (*runAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	uri, config, err := s.which(ctx, who, in.Body)
	if err != nil {
		return nil, err
	}
	return s.launch(ctx, who, &run.Run{Kind: run.Drill, Config: config.ID, Calendar: uri.String()})
}
