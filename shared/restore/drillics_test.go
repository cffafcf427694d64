package restore_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"adminassistant/shared/backup"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// TestADrillFindsAnICalendarFileThatSaysSomethingElse changes the file, its manifest and what was recorded of that, so that only what the file says is wrong.
func TestADrillFindsAnICalendarFileThatSaysSomethingElse(t *testing.T) {
	for name, change := range map[string][2]string{
		"a rule is lost":          {"RRULE:FREQ=WEEKLY", "X-RULE:FREQ=WEEKLY"},
		"a subject is another":    {"SUMMARY:Standup\r\n", "SUMMARY:Standing\r\n"},
		"an event cannot be read": {"SUMMARY:Standup\r\n", "no content line\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			id := w.working()
			content, err := backup.New(w.Table, w.Blobs).Open(t.Context(), user, id)
			must(t, err)
			f := content.Manifest.File(backup.ICS)
			key, err := content.Key(f.Name)
			must(t, err)
			stored, err := w.Blobs.Get(t.Context(), key)
			must(t, err)
			packed, err := zstd.NewReader(stored)
			must(t, err)
			text, err := io.ReadAll(packed)
			must(t, err)
			stored.Close()
			changed := []byte(strings.Replace(string(text), change[0], change[1], 1))
			if bytes.Equal(changed, text) {
				t.Fatalf("nothing to change in\n%s", text)
			}
			packer, err := zstd.NewWriter(nil)
			must(t, err)
			data := packer.EncodeAll(changed, nil)
			size := func(b []byte) backup.Size {
				sum := sha256.Sum256(b)
				return backup.Size{Bytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
			}
			f.Size, f.Compressed = size(changed), size(data)
			manifest, err := json.Marshal(content.Manifest)
			must(t, err)
			must(t, w.Blobs.Put(t.Context(), key, bytes.NewReader(data)))
			must(t, w.Blobs.Put(t.Context(), path.Dir(key)+"/manifest.json", bytes.NewReader(manifest)))
			found, err := w.Table.GetMany(t.Context(), []store.Key{store.OfUser(user, "BACKUP#"+id)})
			must(t, err)
			var record map[string]any
			must(t, json.Unmarshal(found[0].Data, &record))
			record["manifest"] = size(manifest).SHA256
			found[0].Data, err = json.Marshal(record)
			must(t, err)
			_, err = w.Table.Put(t.Context(), found[0], store.Any())
			must(t, err)

			r := w.startDrill()
			err = w.drill(w.Table, w.Blobs, w.calendar).Run(t.Context(), r)
			if name == "an event cannot be read" {
				if err == nil || !strings.Contains(err.Error(), "no content line") {
					t.Errorf("%v", err)
				}
				return
			}
			must(t, err)
			r, result := w.drilled(r.ID)
			if r.State != run.Failed || result.Differing != 1 || !slices.Equal(result.Differences[0].Fields, []string{"ics"}) {
				t.Errorf("%s %+v", r.State, result)
			}
		})
	}
}
