package lambdatest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// attributes let the kernel kill the process when the thread that started it ends, as it does with the test's process.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// freeze stops the process until thaw; nothing happens to one that is gone.
func freeze(p *os.Process) { _ = p.Signal(syscall.SIGSTOP) }

func thaw(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// peakMemory returns how many bytes the process ever had resident; 0 if it is gone.
func peakMemory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, peak, found := strings.Cut(string(text), "\nVmHWM:")
	if !found {
		return 0 // a zombie has no memory
	}
	var kib int64
	if _, err := fmt.Sscan(peak, &kib); err != nil {
		return 0
	}
	return kib << 10
}

// cpuTime returns how much of a processor the process has used, to about 10 ms; 0 if it is gone.
func cpuTime(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ") // what it is called may hold anything
	fields := strings.Fields(rest)
	const user, system = 11, 12 // in ticks of a hundredth of a second
	if len(fields) <= system {
		return 0
	}
	var ticks int64
	for _, field := range fields[user : system+1] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// onOneCPU calls start on the first processor that the caller's thread may use. A process that start starts stays on it. The caller has
// locked its thread.
func onOneCPU(start func() error) error {
	var all, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		return fmt.Errorf("processors of this thread: %w", err)
	}
	cpu := 0
	for !all.IsSet(cpu) {
		cpu++
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("keep this thread on processor %d: %w", cpu, err)
	}
	defer func() {
		if err := unix.SchedSetaffinity(0, &all); err != nil {
			panic(fmt.Sprintf("lambdatest: give this thread its processors back: %v", err))
		}
	}()
	return start()
}

// lock makes other processes that lock the same file wait until unlock.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return func() { f.Close() }, nil
}
