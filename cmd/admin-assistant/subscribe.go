package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// subscription is a folder of this machine whose newest iCalendar file a calendar mirrors.
type subscription struct {
	Calendar string `json:"calendar"` // URI
	Folder   string `json:"folder"`
	// File and SHA256 are of the file that the calendar mirrors now; empty: of none yet.
	File   string    `json:"file,omitempty"`
	SHA256 string    `json:"sha256,omitempty"`
	Synced time.Time `json:"synced,omitzero"`
	// Problem is why the newest file was not taken.
	Problem string `json:"problem,omitempty"`
}

// subscriptionsFile is where those of a data folder are kept.
const subscriptionsFile = "subscriptions.json"

func (p *program) readSubscriptions() (list []subscription, err error) {
	dir, err := p.settings.DataDir()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, subscriptionsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(fault.Invalid, path, err)
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fault.New(fault.Invalid, "%s is not what this program wrote; put it right, or remove it and subscribe again", path)
	}
	return list, nil
}

// writeSubscriptions puts them in the place of those that there are, at once.
func (p *program) writeSubscriptions(list []subscription) error {
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	dir, err := p.settings.DataDir()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".subscriptions-*")
	if err != nil {
		return err
	}
	if _, err = f.Write(append(text, '\n')); err == nil {
		err = f.Close()
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, subscriptionsFile))
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

func (p *program) calendarSubscribe() *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use: "subscribe [URI] [FOLDER]", Short: "Have a calendar mirror the newest iCalendar file of a folder", Args: cobra.RangeArgs(0, 2),
		Long: "Have a calendar mirror the newest iCalendar file (.ics) of a folder of this machine, as another program exports it there. \"serve\" looks every\n" +
			"minute, and \"calendar sync\" looks now. Nothing is fetched from anywhere. The first look shows what would be removed, and asks. Later ones do not\n" +
			"ask: a file that lacks more than half of what the calendar has, and ten events or more, is left alone until \"calendar sync\" is told to take it.\n" +
			"Without arguments it lists what is subscribed; with --remove it ends a subscription, and the calendar stays as it is.",
		Example: "  admin-assistant --local calendar subscribe local://me/calendars/Work ~/Exports",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if err := p.onThisMachine(); err != nil {
				return err
			}
			list, err := p.readSubscriptions()
			if err != nil || len(args) == 0 {
				return errors.Join(err, p.showSubscriptions(err, list))
			}
			v, err := p.findCalendar(ctx, c, args[0])
			if err != nil {
				return err
			}
			at := slices.IndexFunc(list, func(s subscription) bool { return strings.EqualFold(s.Calendar, v.URI) })
			if remove {
				if at < 0 {
					return fault.New(fault.NotFound, "%s is not subscribed to a folder", v.URI)
				}
				return p.writeSubscriptions(slices.Delete(list, at, at+1))
			}
			if len(args) < 2 {
				return usageError{errors.New("FOLDER is missing: where the iCalendar files are")}
			}
			if uri, err := calendar.ParseURI(v.URI); err != nil || uri.Provider != calendar.ProviderLocal {
				return usageError{fmt.Errorf("%s is not a local calendar; only those mirror files", v.URI)}
			}
			folder, err := filepath.Abs(args[1])
			if err != nil {
				return err
			}
			if info, err := os.Stat(folder); err != nil || !info.IsDir() {
				return fault.New(fault.Invalid, "%q is no folder of this machine", args[1])
			}
			s := subscription{Calendar: v.URI, Folder: folder}
			if err := p.sync(ctx, c, &s, p.askFirst(ctx, c)); err != nil {
				return err
			}
			if at < 0 {
				list = append(list, s)
			} else {
				list[at] = s
			}
			if err := p.writeSubscriptions(list); err != nil {
				return err
			}
			return p.showSubscriptions(nil, []subscription{s})
		}),
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "end the subscription of the calendar")
	return cmd
}

// onThisMachine refuses a deployed server: a folder is one of this machine.
func (p *program) onThisMachine() error {
	if p.profile != "" || p.settings.Token != "" {
		return usageError{errors.New("folders are watched by the server of this machine alone; say --local")}
	}
	return p.folder()
}

func (p *program) showSubscriptions(err error, list []subscription) error {
	if err != nil {
		return nil
	}
	if p.output == "json" {
		return p.printJSON(orNone(list))
	}
	var rows []table.Row
	for _, s := range list {
		rows = append(rows, table.Row{s.Calendar, s.Folder, s.File, p.minute(s.Synced), s.Problem})
	}
	p.printTable(table.Row{"Calendar", "Folder", "File", less("Taken"), ""}, rows)
	return nil
}

func (p *program) calendarSync() *cobra.Command {
	return &cobra.Command{
		Use: "sync [URI]", Short: "Look into subscribed folders now", Args: cobra.MaximumNArgs(1),
		Long: "Look into the folders that calendars are subscribed to, and take what is new. It shows what would be removed, and asks;\n" +
			"--yes takes a file that lacks much of what the calendar has as well.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if err := p.onThisMachine(); err != nil {
				return err
			}
			list, err := p.readSubscriptions()
			if err != nil {
				return err
			}
			only := ""
			if len(args) > 0 {
				v, err := p.findCalendar(ctx, c, args[0])
				if err != nil {
					return err
				}
				only = v.URI
			}
			var failed error
			some := []subscription{}
			for i := range list {
				if only != "" && list[i].Calendar != only {
					continue
				}
				failed = errors.Join(failed, p.sync(ctx, c, &list[i], p.askFirst(ctx, c)))
				some = append(some, list[i])
			}
			if only != "" && len(some) == 0 {
				return fault.New(fault.NotFound, "%s is not subscribed to a folder; see: admin-assistant calendar subscribe", only)
			}
			if err := p.writeSubscriptions(list); err != nil {
				return err
			}
			return errors.Join(failed, p.showSubscriptions(nil, some))
		}),
	}
}

// newest is the iCalendar file of a folder that was changed last; of several at the same time the last by name. None is no error.
func newest(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", unreadable(fault.NotFound, folder, err)
	}
	name, changed := "", time.Time{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || !strings.EqualFold(filepath.Ext(e.Name()), ".ics") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if name == "" || !info.ModTime().Before(changed) {
			name, changed = e.Name(), info.ModTime()
		}
	}
	return name, nil
}

// sync takes the newest file of a folder into its calendar, if it is another one than was taken last. agree is asked, with the preview, before anything is
// removed.
func (p *program) sync(ctx context.Context, c *client, s *subscription, agree func(preview runView) error) error {
	err := p.take(ctx, c, s, agree)
	s.Problem = ""
	if err != nil {
		s.Problem = err.Error()
		return fmt.Errorf("%s: %w", s.Calendar, err)
	}
	return nil
}

func (p *program) take(ctx context.Context, c *client, s *subscription, agree func(preview runView) error) error {
	name, err := newest(s.Folder)
	if err != nil || name == "" {
		return err
	}
	path := filepath.Join(s.Folder, name)
	text, err := os.ReadFile(path)
	if err != nil {
		return unreadable(fault.NotFound, path, err)
	}
	hash := sha256.Sum256(text)
	sum := hex.EncodeToString(hash[:])
	if sum == s.SHA256 {
		return nil
	}
	id, err := p.upload(ctx, c, path)
	if err != nil {
		return err
	}
	start := importStart{Calendar: s.Calendar, Upload: id, DryRun: true, Mirror: true}
	preview, err := p.imported(ctx, c, start, path)
	if err != nil {
		return err
	}
	if preview.Import.Removed > 0 {
		if err := agree(preview); err != nil {
			return err
		}
	}
	start.DryRun = false
	if _, err := p.imported(ctx, c, start, path); err != nil {
		return err
	}
	s.File, s.SHA256, s.Synced = name, sum, time.Now().UTC().Truncate(time.Second)
	return nil
}

// askFirst shows what would be removed, and asks.
func (p *program) askFirst(ctx context.Context, c *client) func(runView) error {
	return func(preview runView) error {
		if !p.yes && p.output != "json" {
			if err := p.showImport(ctx, c, preview); err != nil {
				return err
			}
		}
		return p.confirm(fmt.Sprintf("This removes %s from %s.", counted(preview.Import.Removed, "event", "events"), preview.Calendar))
	}
}

// few is how many events a file may lack that nobody was asked about, however few the calendar has.
const few = 10

// unasked refuses a file that lacks most of a calendar: it is more likely a broken export than what the user did.
func unasked(preview runView) error {
	left := preview.Import.Unchanged + preview.Import.Changed + preview.Import.Older
	if n := preview.Import.Removed; n >= few && n > left {
		return fault.New(fault.Conflict, "the newest file lacks %d of the calendar's events and has %d; if that is right: "+
			"admin-assistant calendar sync --yes", n, left)
	}
	return nil
}

// lookEvery is how often a server looks into the folders.
const lookEvery = time.Minute

// watchFolders looks into subscribed folders until ctx ends. What is wrong is kept with the subscription, and logged.
func (p *program) watchFolders(ctx context.Context, c *client) {
	for tick := time.NewTicker(lookEvery); ; {
		p.lookIntoFolders(ctx, c)
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}

func (p *program) lookIntoFolders(ctx context.Context, c *client) {
	list, err := p.readSubscriptions()
	if err != nil || len(list) == 0 {
		if err != nil {
			zerolog.Ctx(ctx).Warn().Msg("subscriptions cannot be read")
		}
		return
	}
	before := slices.Clone(list)
	for i := range list {
		if err := p.sync(ctx, c, &list[i], unasked); err != nil && ctx.Err() == nil && list[i].Problem != before[i].Problem {
			zerolog.Ctx(ctx).Warn().Str("kind", fault.Of(err).String()).Msg("a subscribed folder could not be taken")
		}
	}
	if ctx.Err() == nil && !slices.Equal(before, list) {
		if err := p.writeSubscriptions(list); err != nil {
			zerolog.Ctx(ctx).Warn().Err(err).Msg("subscriptions cannot be written")
		}
	}
}
