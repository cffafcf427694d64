package functions_test

import (
	"archive/zip"
	"compress/flate"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"adminassistant/functions/lambdatest"
	"adminassistant/shared/run"
)

// BenchmarkFunctions tells of each function how long it takes, on one vCPU, from the start of its process until it takes an invocation
// (ms-init, the median), how much memory it has then (MB-ready), and how large its package is as it is deployed (MB-zip). A package has
// to be under 15 MB, and an init under 150 ms.
func BenchmarkFunctions(b *testing.B) {
	for _, function := range functions {
		b.Run(function, func(b *testing.B) {
			lambdatest.Build(b, "adminassistant/functions/"+function)
			size := zipped(b, made(b, function))
			env := anywhere().settings(function)
			var took []time.Duration
			var ready int64
			for b.Loop() {
				f := launch(b, function, env, func(o *lambdatest.Options) { o.OneCPU = true })
				init, err := f.InitTime()
				must(b, err)
				took, ready = append(took, init), max(ready, f.PeakMemory())
				f.Kill()
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2])/float64(time.Millisecond), "ms-init")
			b.ReportMetric(megabytes(ready), "MB-ready")
			b.ReportMetric(megabytes(size), "MB-zip")
		})
	}
}

// BenchmarkArchiveMemory tells how much memory archive has resident at most (MB-peak) in a process that archives 1,000 events with its
// first run: under 100 MB.
func BenchmarkArchiveMemory(b *testing.B) {
	const n = 1000
	var peak int64
	for b.Loop() {
		d := deploy(b)
		d.appointments(n, 61, "2026-09-01")
		r := d.queued(d.config().ID, newID(), func(r *run.Run) { r.From, r.To = r.From.AddDays(-30), r.From.AddDays(30) })
		d.send(r, "archive")
		f := d.start("archive")
		d.deliverAll(b, f, "archive", d.take("archive", 1))
		if result := d.succeeded(r.ID); result.Written != n {
			b.Fatalf("the run reports %+v", result)
		}
		peak = max(peak, f.PeakMemory())
		f.Kill()
	}
	b.ReportMetric(megabytes(peak), "MB-peak")
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }

// made makes a function's program as it is deployed, and returns its file.
func made(t testing.TB, function string) string {
	t.Helper()
	file := filepath.Join("dist", "functions", function, "bootstrap")
	makes(t, "..", file)
	return filepath.Join("..", file)
}

// makes has make make a file, in the folder of a checkout.
func makes(t testing.TB, folder, file string, variables ...string) {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("there is no make")
	}
	if out, err := exec.Command("make", append([]string{"--no-print-directory", "-C", folder, filepath.ToSlash(file)},
		variables...)...).CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", file, err, out)
	}
}

// zipped is the size of the package that has the file alone.
func zipped(t testing.TB, file string) int64 {
	t.Helper()
	in, err := os.Open(file)
	must(t, err)
	defer in.Close()
	var size counter
	z := zip.NewWriter(&size)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	out, err := z.Create("bootstrap")
	must(t, err)
	_, err = io.Copy(out, in)
	must(t, err)
	must(t, z.Close())
	return int64(size)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
