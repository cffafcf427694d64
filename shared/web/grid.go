package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
)

// A day is drawn as rows of five minutes, as many as it has on that day, and blocks are put on them by classes of one style sheet: r<row>, s<rows>,
// x<column> and w<columns>. What shares time stands side by side within its group alone.
const (
	rowMinutes = 5
	// leastRows is how many rows a block has at least: one line of text.
	leastRows = 5
	// gridColumns divide evenly by up to six blocks side by side.
	gridColumns = 60
	rowsOfHour  = 60 / rowMinutes
	// dayEdges is how many pixels are between what stands on a day and what stands on the next one.
	dayEdges = 7
	// mostRows is those of a day with an hour more.
	mostRows = 25 * rowsOfHour
)

// gridStyle is the style sheet of the classes by which blocks are put into their places.
func gridStyle() []byte {
	var b strings.Builder
	for i := 1; i <= mostRows; i++ {
		fmt.Fprintf(&b, ".r%d{grid-row-start:%d}.s%d{grid-row-end:span %d}", i, i, i, i)
	}
	for i := 1; i <= gridColumns; i++ {
		fmt.Fprintf(&b, ".x%d{grid-column-start:%d}.w%d{grid-column-end:span %d}", i, i, i, i)
	}
	for i := 1; i <= 25; i++ {
		fmt.Fprintf(&b, ".h%d{grid-template-rows:repeat(%d,var(--row))}", i, i*rowsOfHour)
	}
	for i := 2; i <= 7; i++ { // days, each with the edges of two
		fmt.Fprintf(&b, ".b%d{width:calc(%d%% + %dpx)}", i, i*100, (i-1)*dayEdges)
	}
	for i := 0; i <= 100; i++ { // bars of a hundred
		fmt.Fprintf(&b, ".p%d{width:%d%%}.l%d{left:%d%%}", i, i, i, i)
	}
	return []byte(b.String())
}

// span is the hours of all days that are drawn: from the first one up to the last one, which is not drawn.
type span struct{ from, to int }

// usual are the hours that are drawn of every day.
var usual = span{8, 18}

// cover has the hours drawn in which something is.
func (h *span) cover(start, end time.Time, day calendar.Date, zone *time.Location) {
	dayStart, dayEnd := calendar.StartOfDay(day, zone), calendar.StartOfDay(day.AddDays(1), zone)
	if !start.Before(dayEnd) || end.Before(dayStart) {
		return
	}
	from, to := 0, 24
	if start.After(dayStart) {
		from = start.In(zone).Hour()
	}
	if end.Before(dayEnd) {
		last := end.In(zone)
		if to = last.Hour(); last.Minute() > 0 || last.Second() > 0 || to == from {
			to++
		}
	}
	h.from, h.to = min(h.from, from), max(h.to, to)
}

// column is a day as it is drawn: from an instant on, so many minutes.
type column struct {
	start   time.Time
	minutes int
}

// of is the column of a day.
func (h span) of(day calendar.Date, zone *time.Location) column {
	at := func(hour int) time.Time {
		if hour >= 24 {
			return calendar.StartOfDay(day.AddDays(1), zone)
		}
		if hour == 0 {
			return calendar.StartOfDay(day, zone)
		}
		return time.Date(day.Year, day.Month, day.Day, hour, 0, 0, 0, zone)
	}
	start := at(h.from)
	return column{start, int(at(h.to).Sub(start) / time.Minute)}
}

// hours are how many are drawn; a day may have one more or less than others.
func (c column) hours() int { return (c.minutes + 59) / 60 }

// tick is an hour at the side of a column.
type tick struct {
	row   int
	label string
}

// ticks are the hours of a column. Those between which the clocks are changed say in which zone they are.
func (c column) ticks(zone *time.Location) []tick {
	var ticks []tick
	offset := func(t time.Time) int { _, seconds := t.In(zone).Zone(); return seconds }
	for m := 0; m < c.minutes; m += 60 {
		t := c.start.Add(time.Duration(m) * time.Minute).In(zone)
		form := "15:04"
		if offset(t.Add(-time.Hour)) != offset(t) || offset(t) != offset(t.Add(time.Hour)) {
			form = "15:04 MST"
		}
		ticks = append(ticks, tick{m/rowMinutes + 1, t.Format(form)})
	}
	return ticks
}

// band is the place of something that lasts all day among the days that are drawn: a line, and from which of them to which.
type band struct{ line, first, last int }

// bands puts what lasts from a day to a day into lines, the earliest and then the longest first: each into the first line in which there is room.
func bands(spans [][2]int) []band {
	order := make([]int, len(spans))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Or(spans[a][0]-spans[b][0], spans[b][1]-spans[a][1]) })
	var ends []int
	all := make([]band, len(spans))
	for _, i := range order {
		line := slices.IndexFunc(ends, func(end int) bool { return end < spans[i][0] })
		if line < 0 {
			line, ends = len(ends), append(ends, 0)
		}
		ends[line] = spans[i][1]
		all[i] = band{line, spans[i][0], spans[i][1]}
	}
	return all
}

// block is the place of something in a column.
type block struct{ row, rows, col, cols int }

func (b block) class() string {
	return fmt.Sprintf("r%d s%d x%d w%d", b.row, b.rows, b.col, b.cols)
}

// timed is something that lasts from start to end. What is light counts for nothing, and gets half the room beside others.
type timed struct {
	start, end time.Time
	light      bool
}

// place puts things into a column, in their order. Those that share rows, or are connected by others that do, are a group, and stand side by side.
func (c column) place(things []timed) []block {
	type at struct{ index, row, end, lane int }
	all := make([]at, len(things))
	for i, t := range things {
		from := max(0, int(t.start.Sub(c.start)/time.Minute))
		to := min(c.minutes, int((t.end.Sub(c.start)+time.Minute-1)/time.Minute))
		row := min(from, max(0, c.minutes-leastRows*rowMinutes)) / rowMinutes
		end := max(row+leastRows, (to+rowMinutes-1)/rowMinutes)
		all[i] = at{index: i, row: row, end: end}
	}
	slices.SortStableFunc(all, func(a, b at) int { return cmp.Or(a.row-b.row, b.end-a.end) })
	blocks := make([]block, len(things))
	for i := 0; i < len(all); {
		var lanes []int // where each ends
		var shares []int
		j, until := i, all[i].end
		for ; j < len(all) && all[j].row < until; j++ {
			until = max(until, all[j].end)
			lane := slices.IndexFunc(lanes, func(end int) bool { return end <= all[j].row })
			if lane < 0 {
				lane, lanes, shares = len(lanes), append(lanes, 0), append(shares, 1)
			}
			lanes[lane], all[j].lane = all[j].end, lane
			if !things[all[j].index].light {
				shares[lane] = 2
			}
		}
		lefts, widths := divideColumns(shares)
		for _, a := range all[i:j] {
			blocks[a.index] = block{row: a.row + 1, rows: a.end - a.row, col: lefts[a.lane] + 1, cols: widths[a.lane]}
		}
		i = j
	}
	return blocks
}

// divideColumns gives each lane its share of the columns, and one at least. Of more lanes than columns the last ones have the last column.
func divideColumns(shares []int) (lefts, widths []int) {
	total, before := 0, 0
	for _, share := range shares {
		total += share
	}
	for _, share := range shares {
		left := min(gridColumns*before/total, gridColumns-1)
		before += share
		lefts, widths = append(lefts, left), append(widths, max(1, gridColumns*before/total-left))
	}
	return lefts, widths
}
