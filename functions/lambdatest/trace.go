package lambdatest

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"
)

// maxRounds is how often a function is invoked in the course of one thing, if loops are not allowed.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
const maxRounds = 16

// rounds says how often each function was invoked on the way, as X-Ray's trace header has it after "Lineage=": "a87bd80c:3|68fd508a:1".
type rounds []round

type round struct {
	function string // a hash of its name
	times    int
}

// lineage reads a trace header. The SDK writes characters in it as in the query of an address. What is not of that form is left out.
func lineage(trace string) (way rounds) {
	if plain, err := url.PathUnescape(trace); err == nil {
		trace = plain
	}
	for part := range strings.SplitSeq(trace, ";") {
		list, ok := strings.CutPrefix(strings.TrimSpace(part), "Lineage=")
		if !ok {
			continue
		}
		for one := range strings.SplitSeq(list, "|") {
			function, times, _ := strings.Cut(one, ":")
			if n, err := strconv.Atoi(times); err == nil {
				way = append(way, round{function, n})
			}
		}
	}
	return way
}

// through is the way with one more invocation of the function, and how many of it there are then.
func (r rounds) through(function string) (way rounds, times int) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(function))
	name := fmt.Sprintf("%08x", h.Sum32())
	times = 1
	for _, one := range r {
		if one.function == name {
			times += one.times
			continue
		}
		way = append(way, one)
	}
	return append(way, round{name, times}), times
}

// traceHeader makes an X-Ray trace header of a request id.
func traceHeader(id string, way rounds) string {
	var list []string
	for _, one := range way {
		list = append(list, fmt.Sprintf("%s:%d", one.function, one.times))
	}
	id = strings.ReplaceAll(id, "-", "")
	return fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=0;Lineage=%s", id[:8], id[8:], id[16:], strings.Join(list, "|"))
}
