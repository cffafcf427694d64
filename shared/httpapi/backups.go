package httpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
)

// Presigner is blob storage from which a client can fetch an object by itself.
type Presigner interface {
	// Presign returns an address of the object that is good for a while. It is answered as a file of that name to be kept.
	Presign(ctx context.Context, key, name string, lasts time.Duration) (string, error)
}

// presigned is how long an address of a file is good. The bucket refuses older ones.
const presigned = 2 * time.Minute

const (
	contentZstd        = "application/zstd"
	backupWhichArchive = "archive"
)

type backupInput struct {
	WhichCalendar
	WhichDays
}

// BackupView is a backup as a response has it. Its name begins with a capital because it is part of another one.
type BackupView struct {
	ID       string             `json:"id"`
	Config   string             `json:"config,omitempty" doc:"Id of the archive config whose calendar it is."`
	Job      string             `json:"job,omitempty" doc:"The job that had it made, whose retention decides how long it stays."`
	Calendar backupCalendarView `json:"calendar"`
	From     string             `json:"from,omitempty" format:"date" doc:"First day; without it, all there is."`
	To       string             `json:"to,omitempty" format:"date" doc:"Last day, included."`
	Made     time.Time          `json:"made"`
	Counts   backup.Counts      `json:"counts"`
	Bytes    int64              `json:"bytes" doc:"Size of the files as they are stored."`
}

type backupCalendarView struct {
	URI  string `json:"uri" doc:"As it was when the backup was made."`
	ID   string `json:"id" doc:"The provider's own id."`
	Name string `json:"name"`
}

func viewBackup(r *backup.Record) BackupView {
	return BackupView{
		ID: r.ID, Config: r.Config, Job: r.Job, Calendar: backupCalendarView{URI: r.Calendar.URI.String(), ID: r.Calendar.ID, Name: r.Calendar.Name},
		From: r.From.String(), To: r.To.String(), Made: r.Made, Counts: r.Counts, Bytes: r.Bytes,
	}
}

// backupManifestView is a backup with what its manifest says.
type backupManifestView struct {
	BackupView
	Version  int              `json:"version" doc:"Of the format."`
	Software string           `json:"software" doc:"Version of what made it."`
	Timezone string           `json:"timezone,omitempty" doc:"In which the days begin and end."`
	Content  string           `json:"content" doc:"The same for the same events: two backups with the same content hold the same."`
	Files    []backupFileView `json:"files" nullable:"false"`
	// OwnClocks are some of the series that OwnClocksSeries counts.
	OwnClocksSeries int            `json:"own_clocks_series" doc:"Series that cannot be restored to Microsoft 365, which does not accept their time zone."`
	OwnClocks       []ownClockView `json:"own_clocks" nullable:"false" doc:"The first of these series."`
	Unread          []time.Time    `json:"unread,omitempty" doc:"When events start that could not be read, to the minute. They are in none of the files."`
}

type ownClockView struct {
	ID      string `json:"id" doc:"The provider's own id of the series."`
	Subject string `json:"subject" doc:"Its beginning."`
	Zone    string `json:"zone" doc:"As the calendar names it."`
}

type backupFileView struct {
	Name       string `json:"name"`
	Format     string `json:"format" enum:"jsonl,ics,csv"`
	Bytes      int64  `json:"bytes" doc:"As the file is stored and sent, compressed by zstd."`
	SHA256     string `json:"sha256"`
	RawBytes   int64  `json:"raw_bytes" doc:"Decompressed."`
	RawSHA256  string `json:"raw_sha256"`
	LeftOut    int    `json:"left_out" doc:"Events that the format cannot hold; the JSONL file has them all."`
	DownloadAt string `json:"download_at" format:"uri-reference" doc:"Where to ask for the file."`
}

// backupReportView is what became of proving a backup again.
type backupReportView struct {
	OK    bool                   `json:"ok"`
	Files []backupFileReportView `json:"files" nullable:"false"`
}

type backupFileReportView struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Problem string `json:"problem,omitempty"`
}

func (s *server) backupRoutes() {
	handle(s, route{
		pattern: "POST /v1/backups", access: byUsers, class: limit.Starts, action: "backup.start",
		tag: tagBackups, summary: "Start a backup", success: http.StatusAccepted, document: alsoOK,
		description: "Answers 202 with the new run, or 200 with the same run when it is under way already. The backup has the run's id, and is " +
			"there when the run has succeeded.",
	}, s.startBackup)
	handle(s, route{
		pattern: "GET /v1/backups", access: byUsers, tag: tagBackups, summary: "List backups, the newest first",
		description: "A page may have few backups, or none, and still have a next.",
	}, s.listBackups)
	handle(s, route{pattern: "GET /v1/backups/{id}", access: byUsers, tag: tagBackups, summary: "Show a backup with its manifest"}, s.getBackup)
	handle(s, route{
		pattern: "GET /v1/backups/{id}/files/{name}", access: byUsers, class: limit.Bulk,
		tag: tagBackups, summary: "Download a file of a backup", document: backupFileBody,
		description: "The file is compressed by zstd. In the cloud the answer is 303: the file is to be fetched from there within two minutes, " +
			"without an access token.",
	}, s.getBackupFile)
	handle(s, route{
		pattern: "POST /v1/backups/{id}/verify", access: byUsers, class: limit.Bulk, action: "backup.verify",
		tag: tagBackups, summary: "Read a backup and compare it with its manifest",
	}, s.verifyBackup)
	handle(s, route{
		pattern: "DELETE /v1/backups/{id}", access: byUsers, class: limit.Removals, action: "backup.delete",
		tag: tagBackups, summary: "Delete a backup",
	}, s.deleteBackup)
}

// WhichCalendar names a calendar, by itself or as one of an archive config's.
type WhichCalendar struct {
	Calendar string `json:"calendar,omitempty" doc:"URI of the calendar; instead of config." example:"msgraph://me@example.com/calendars/primary"`
	Config   string `json:"config,omitempty" doc:"Id or name of an archive config, of which one calendar is meant."`
	Which    string `json:"which,omitempty" enum:"source,archive" doc:"Which calendar of the config; by default source."`
}

// which returns the calendar that is named and, if it is one of a config's, that config. A local one has to be there, and
// a mailbox one that the user may name; else the run finds it, or not.
func (s *server) which(ctx context.Context, who string, in WhichCalendar) (uri calendar.URI, c archive.Config, err error) {
	field := "calendar"
	switch {
	case in.Calendar != "" && (in.Config != "" || in.Which != ""):
		return uri, c, fault.Field("calendar", "says it all; leave config and which out")
	case in.Calendar != "":
		if uri, err = parseURI("calendar", in.Calendar); err != nil {
			return uri, c, err
		}
	case in.Config == "":
		return uri, c, fault.Field("calendar", "is missing; give a calendar's URI, or an archive config")
	default:
		if c, err = s.Configs.Named(ctx, who, in.Config); err != nil {
			return uri, c, err
		}
		field = "config"
		if uri = c.Source; in.Which == backupWhichArchive {
			uri = c.Archive
		}
	}
	if uri.Provider == calendar.ProviderLocal {
		if _, err := s.lookUp(ctx, uri); err != nil {
			return uri, c, at(field, err)
		}
	}
	return uri, c, s.reach(ctx, who, uri)
}

// WhichDays limits what there is to some days.
type WhichDays struct {
	Period string `json:"period,omitempty" doc:"Days in words, as in \"last month\": what happens in them, and whole series. Without it, from and to: all."`
	From   string `json:"from,omitempty" doc:"First day, YYYY-MM-DD; instead of period, with to."`
	To     string `json:"to,omitempty" doc:"Last day, included."`
}

// window is that of the days in a zone.
func (d WhichDays) window(zone string, now time.Time, weekStart time.Weekday) (calendar.Window, error) {
	loc, err := calendar.LoadZone(zone)
	if err != nil {
		return calendar.Window{}, err
	}
	return window(d.Period, d.From, d.To, loc, now, weekStart)
}

func (s *server) startBackup(ctx context.Context, in *struct{ Body backupInput }) (*runAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	own, err := s.settings(ctx)
	if err != nil {
		return nil, err
	}
	uri, config, err := s.which(ctx, who, in.Body.WhichCalendar)
	if err != nil {
		return nil, err
	}
	r := &run.Run{Kind: run.Backup, Config: config.ID}
	var input backup.Input
	zone := cmp.Or(config.Timezone, own.Zone)
	r.Calendar = uri.String()
	if in.Body.WhichDays != (WhichDays{}) {
		w, err := in.Body.window(zone, s.Clock(), own.Weekday())
		if err != nil {
			return nil, err
		}
		r.From, r.To, input.Timezone = w.From, w.To, zone
	}
	if r.Input, err = json.Marshal(input); err != nil {
		return nil, fmt.Errorf("input of a backup: %w", err)
	}
	return s.launch(ctx, who, r)
}

func (s *server) listBackups(ctx context.Context, in *struct {
	Paging
	Calendar string `query:"calendar" doc:"Only those of the calendar of this URI, by name or id, or as it was named then." example:"msgraph://me/calendars/Work"`
	Config   string `query:"config" doc:"Only backups of the calendars of this archive config, by id or name."`
	Job      string `query:"job" doc:"Only backups that this job had made, by id or name." example:"Every night"`
}) (*page[BackupView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	f := backup.Filter{Job: in.Job}
	if in.Job != "" {
		switch j, err := s.Jobs.Named(ctx, who, in.Job); {
		case err == nil:
			f.Job = j.ID
		case fault.Of(err) != fault.NotFound: // of a job that was removed there may still be backups
			return nil, err
		}
	}
	if in.Calendar != "" {
		if f.Calendar, err = parseURI("calendar", in.Calendar); err != nil {
			return nil, err
		}
	}
	if f.Config, err = s.ofConfig(ctx, who, in.Config); err != nil {
		return nil, err
	}
	records, next, err := s.Backups.List(ctx, who, f, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return onePage(records, next, viewBackup), nil
}

func (s *server) backup(ctx context.Context, id string) (*backup.Content, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return s.Backups.Open(ctx, who, id)
}

func (s *server) getBackup(ctx context.Context, in *ByID) (*struct{ Body backupManifestView }, error) {
	c, err := s.backup(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	m := c.Manifest
	v := backupManifestView{
		BackupView: viewBackup(c.Record), Version: m.Version, Software: m.Software, Content: m.Content, Files: make([]backupFileView, len(m.Files)),
		Unread: m.Unread,
	}
	if m.Window != nil {
		v.Timezone = m.Window.Timezone
	}
	v.OwnClocks = []ownClockView{}
	if o := c.Record.OwnClocks; o != nil {
		v.OwnClocksSeries = o.Series
		for _, s := range o.First {
			v.OwnClocks = append(v.OwnClocks, ownClockView(s))
		}
	}
	for i, f := range m.Files {
		v.Files[i] = backupFileView{
			Name: f.Name, Format: string(f.Format), Bytes: f.Compressed.Bytes, SHA256: f.Compressed.SHA256, RawBytes: f.Size.Bytes, RawSHA256: f.Size.SHA256,
			LeftOut: f.LeftOut, DownloadAt: "/v1/backups/" + m.ID + "/files/" + f.Name,
		}
	}
	return &struct{ Body backupManifestView }{v}, nil
}

// backupFileAnswer is a file, or where it is to be had.
type backupFileAnswer struct {
	Location    string `header:"Location" doc:"Where the file is to be fetched, in the cloud."`
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Length      string `header:"Content-Length"`
	Cache       string `header:"Cache-Control"`
	Body        func(huma.Context)
}

func (s *server) getBackupFile(ctx context.Context, in *struct {
	ByID
	Name string `path:"name" maxLength:"64" example:"events.jsonl.zst"`
}) (*backupFileAnswer, error) {
	c, err := s.backup(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	key, err := c.Key(in.Name)
	if err != nil {
		return nil, err
	}
	if elsewhere, ok := s.Blobs.(Presigner); ok {
		address, err := elsewhere.Presign(ctx, key, in.ID+"-"+in.Name, presigned)
		if err != nil {
			return nil, err
		}
		return &backupFileAnswer{Location: address, Cache: "no-store", Body: func(answer huma.Context) { answer.SetStatus(http.StatusSeeOther) }}, nil
	}
	object, err := s.Blobs.Stat(ctx, key)
	if err != nil {
		return nil, lost(in.ID, in.Name, err)
	}
	stored, err := s.Blobs.Get(ctx, key)
	if err != nil {
		return nil, lost(in.ID, in.Name, err)
	}
	return &backupFileAnswer{
		ContentType: contentZstd, Disposition: attachment(in.ID + "-" + in.Name), Length: strconv.FormatInt(object.Size, 10), Cache: "no-store",
		Body: func(answer huma.Context) {
			defer stored.Close()
			answer.SetStatus(http.StatusOK)
			_, _ = io.Copy(answer.BodyWriter(), stored) // the length shows what is missing
		},
	}, nil
}

// lost says that a file of a backup is gone, if it is.
func lost(id, name string, err error) error {
	if errors.Is(err, blob.ErrNotFound) {
		return fault.New(fault.NotFound, "%s of backup %s is not there any more; verify the backup", name, id)
	}
	return err
}

// backupFileBody describes the answers with a file.
func backupFileBody(op *huma.Operation) {
	op.Responses = map[string]*huma.Response{
		"200": {Description: "The file.", Content: map[string]*huma.MediaType{contentZstd: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}},
		"303": {Description: "The file is at the address in the header Location."},
	}
}

func (s *server) verifyBackup(ctx context.Context, in *ByID) (*struct{ Body backupReportView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	report, err := s.Backups.Verify(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	v := backupReportView{OK: report.OK, Files: make([]backupFileReportView, len(report.Files))}
	for i, f := range report.Files {
		v.Files[i] = backupFileReportView{Name: f.Name, OK: f.Problem == "", Problem: f.Problem}
	}
	return &struct{ Body backupReportView }{v}, nil
}

func (s *server) deleteBackup(ctx context.Context, in *ByID) (*struct{}, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Backups.Delete(ctx, who, in.ID)
}
