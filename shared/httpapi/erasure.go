package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/restore"
	"adminassistant/shared/timesheet"
)

// Exporter writes all that is kept of a user into a ZIP file.
type Exporter interface {
	Write(ctx context.Context, user string, to io.Writer) error
}

// lawView is timesheet.Law in an answer.
type lawView struct {
	Country string `json:"country"`
	Years   int    `json:"years"`
	What    string `json:"what"`
	Law     string `json:"law"`
	Source  string `json:"source"`
}

// retainedView is a locked timesheet that is to be kept.
type retainedView struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	From     string `json:"from" format:"date"`
	To       string `json:"to" format:"date" doc:"Included."`
	Until    string `json:"until" format:"date" doc:"Last day of its retention period."`
	Hash     string `json:"hash"`
}

// ErasureWarning is what whoever erases a user is to know before.
type ErasureWarning struct {
	Retained int       `json:"retained" doc:"How many locked timesheets are in their retention period."`
	Until    string    `json:"until,omitempty" format:"date" doc:"When the last of these periods ends."`
	Years    int       `json:"retention_years" doc:"Of the user's settings."`
	Kept     string    `json:"kept" doc:"What the request that erases has to say as kept; empty: nothing."`
	Says     string    `json:"says" doc:"All of that in words."`
	Laws     []lawView `json:"laws" nullable:"false" doc:"What the laws of some countries ask for; no legal advice."`
}

type myWarningView struct {
	ErasureWarning
	Timesheets []retainedView `json:"timesheets" nullable:"false"`
	Export     string         `json:"export" doc:"Path of this API that has all that is kept of you as one file."`
}

const exportPath = "/v1/me/export"

func (s *server) erasureRoutes() {
	handle(s, route{
		pattern: "GET /v1/me/erasure", access: byUsers, tag: tagMe, summary: "What you should know before you erase yourself",
		description: "Which locked timesheets are in the retention period of your settings, and for how long the laws of some countries ask to keep such " +
			"records. Export everything first; then they may go.",
	}, s.warnMe)
	handle(s, route{
		pattern: "GET /v1/users/{object}/erasure", access: byAdministrators, tag: tagUsers, summary: "What you should know before you erase a user",
		description: "How many locked timesheets are in the user's retention period. Only the user can export them.",
	}, s.warnAdministrator)
	handle(s, route{
		pattern: "GET " + exportPath, access: byUsers, class: limit.Bulk, tag: tagMe, summary: "Export all that is kept of you as a ZIP file",
		description: "Records, ledgers, approved timesheets with their proofs, and the audit log; not the files of backups. In the cloud the answer is 303: the " +
			"file is to be fetched from there within two minutes, and is forgotten after two days at most.",
		document: func(op *huma.Operation) {
			op.Responses = map[string]*huma.Response{
				"200": {Description: "The file.", Content: map[string]*huma.MediaType{contentZip: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}}},
				"303": {Description: "The file is at the address in the header Location."},
			}
		},
	}, s.exportMe)
}

// retained are the timesheets of a user that are to be kept. Nothing is asked of one whose erasure has begun.
func (s *server) retained(ctx context.Context, tenant, object string) (kept []timesheet.Retained, years int, err error) {
	p, err := s.Users.Get(ctx, tenant, object)
	if err != nil {
		return nil, 0, err
	}
	years = p.Settings.RetentionYears()
	if state := p.State(); state == account.Erasing || state == account.Erased {
		return nil, years, nil
	}
	kept, err = s.Timesheets.Retained(ctx, account.Principal{Tenant: tenant, Object: object}.Key(), years)
	return kept, years, err
}

// toldOfRetained says whether whoever erases a user names the timesheets that are to be kept. One who is not there is left to others.
func (s *server) toldOfRetained(ctx context.Context, by account.Principal, object, code string) error {
	kept, _, err := s.retained(ctx, by.Tenant, object)
	if fault.Of(err) == fault.NotFound {
		return nil
	}
	if err != nil || len(kept) == 0 || code == timesheet.RetainedCode(kept) {
		return err
	}
	where := "/v1/me/erasure"
	if object != by.Object {
		where = "/v1/users/" + object + "/erasure"
	}
	return fault.New(fault.Conflict, "%s GET %s says which, and what has to be said as kept", saysRetained(kept), where)
}

// saysRetained says in words what is to be kept.
func saysRetained(kept []timesheet.Retained) string {
	if len(kept) == 0 {
		return "No locked timesheet is in its retention period. All that is kept is erased for good."
	}
	number := "One locked timesheet is in its retention period"
	if len(kept) > 1 {
		number = fmt.Sprintf("%d locked timesheets are in their retention period", len(kept))
	}
	return fmt.Sprintf("%s, until %s at the latest: with the entries under them they are erased for good, and nobody can bring them back. "+
		"Export everything first, and keep it: the law may ask for it.", number, lastOf(kept))
}

func lastOf(kept []timesheet.Retained) (last string) {
	for _, k := range kept {
		last = max(last, k.Until.String())
	}
	return last
}

func warning(kept []timesheet.Retained, years int) ErasureWarning {
	v := ErasureWarning{
		Retained: len(kept), Until: lastOf(kept), Years: years, Kept: timesheet.RetainedCode(kept), Says: saysRetained(kept),
		Laws: make([]lawView, len(timesheet.Laws)),
	}
	for i, l := range timesheet.Laws {
		v.Laws[i] = lawView(l)
	}
	return v
}

func (s *server) warnMe(ctx context.Context, _ *struct{}) (*struct{ Body myWarningView }, error) {
	p, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	kept, years, err := s.retained(ctx, p.Tenant, p.Object)
	if err != nil {
		return nil, err
	}
	v := myWarningView{ErasureWarning: warning(kept, years), Timesheets: make([]retainedView, len(kept)), Export: exportPath}
	for i, k := range kept {
		r := k.Record
		v.Timesheets[i] = retainedView{r.ID, r.Customer, r.Period.From.String(), r.Period.To.String(), k.Until.String(), r.Hash}
	}
	return &struct{ Body myWarningView }{v}, nil
}

func (s *server) warnAdministrator(ctx context.Context, in *ByObject) (*struct{ Body ErasureWarning }, error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	kept, years, err := s.retained(ctx, by.Tenant, in.Object)
	if err != nil {
		return nil, err
	}
	return &struct{ Body ErasureWarning }{warning(kept, years)}, nil
}

const (
	contentZip = "application/zip"
	// exportFor is how long making the file may take; a function has 29 seconds for a request.
	exportFor = 25 * time.Second
)

func (s *server) exportMe(ctx context.Context, _ *struct{}) (*backupFileAnswer, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	name := "admin-assistant-" + s.Clock().UTC().Format("2006-01-02") + ".zip"
	elsewhere, ok := s.Blobs.(Presigner)
	if !ok {
		file := s.newWhole()
		if err := s.Exporter.Write(ctx, who, file); err != nil {
			return nil, err
		}
		return &backupFileAnswer{
			ContentType: contentZip, Disposition: attachment(name), Length: strconv.Itoa(len(file.bytes())), Cache: "no-store",
			Body: func(answer huma.Context) {
				answer.SetStatus(http.StatusOK)
				_, _ = answer.BodyWriter().Write(file.bytes()) // the length shows what is missing
			},
		}, nil
	}
	key := restore.HandedOut(who) + s.NewID() + ".zip"
	if err := s.putExport(ctx, who, key); err != nil {
		return nil, err
	}
	address, err := elsewhere.Presign(ctx, key, name, presigned)
	if err != nil {
		return nil, err
	}
	return &backupFileAnswer{Location: address, Cache: "no-store", Body: func(answer huma.Context) { answer.SetStatus(http.StatusSeeOther) }}, nil
}

// putExport puts a user's file where it can be fetched, without ever having it in memory as a whole.
func (s *server) putExport(ctx context.Context, who, key string) error {
	within, cancel := context.WithTimeout(ctx, exportFor)
	defer cancel()
	from, to := io.Pipe()
	go func() { _ = to.CloseWithError(s.Exporter.Write(within, who, to)) }()
	err := s.Blobs.Put(within, key, from)
	_ = from.CloseWithError(err) // whoever writes stops
	if err != nil && within.Err() != nil && ctx.Err() == nil {
		return fault.New(fault.Conflict, "all of it takes longer than a request may; export backups, timesheets and proofs one by one")
	}
	return err
}
