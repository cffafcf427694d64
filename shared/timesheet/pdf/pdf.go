// Package pdf draws timesheets as PDF. The same document gives the same bytes. The numbers on a page are placed with floating point numbers, and never
// reckoned with them: every amount and duration comes from the sheet.
package pdf

import (
	"bytes"
	"cmp"
	_ "embed" // the fonts
	"fmt"
	"slices"
	"strings"

	"codeberg.org/go-pdf/fpdf"

	"adminassistant/shared/calendar"
	"adminassistant/shared/timesheet"
)

// The fonts are DejaVu Sans Condensed 2.37; their licence stands beside them.
var (
	//go:embed fonts/DejaVuSansCondensed.ttf
	regular []byte
	//go:embed fonts/DejaVuSansCondensed-Bold.ttf
	bold []byte
)

// ProofName is the name of the file that is attached to a sheet.
const ProofName = "timesheet.proof.json"

const (
	family = "dejavu"
	left   = 18.0 // margins and sizes are millimetres of A4
	right  = 192.0
	top    = 18.0
	bottom = 274.0
	line   = 4.3 // height of a line of a table
	apart  = 1.5 // between columns, at least
)

// The colours of the page.
var (
	ink    = [3]int{28, 32, 38}
	pale   = [3]int{104, 112, 122}
	accent = [3]int{22, 74, 122}
	rule   = [3]int{205, 211, 218}
	wash   = [3]int{240, 243, 247}
	alarm  = [3]int{168, 50, 36}
)

// page is the document in the making.
type page struct {
	*fpdf.Fpdf
	d      *timesheet.Document
	w      *words
	glyphs *glyphs
	y      float64
	head   func() // repeats the head of the table on a new page; nil: there is none
}

// Write draws a document.
func Write(d *timesheet.Document) ([]byte, error) {
	f := fpdf.New("P", "mm", "A4", "")
	f.SetCatalogSort(true)
	f.SetCreationDate(d.Made.UTC())
	f.SetModificationDate(d.Made.UTC())
	f.SetCompression(true)
	f.SetAutoPageBreak(false, 0)
	f.SetMargins(left, top, 210-right)
	f.SetCellMargin(0)
	f.AddUTF8FontFromBytes(family, "", regular)
	f.AddUTF8FontFromBytes(family, "B", bold)
	p := &page{Fpdf: f, d: d, w: wordsOf(d.Locale), glyphs: readGlyphs(regular)}
	f.SetProducer("Admin Assistant", true)
	f.SetTitle(p.w.title+" "+p.w.Period(d.Sheet.Period), true)
	f.SetAuthor(d.From.Name, true)
	f.SetLang(map[bool]string{true: "de", false: "en"}[p.w.German])
	if d.Seal.File != nil {
		f.SetAttachments([]fpdf.Attachment{{Content: d.Seal.File, Filename: ProofName, Description: p.w.check}})
	}
	p.add()
	p.letterhead()
	p.positions()
	p.lines()
	p.notes()
	p.check()
	p.footers()
	var out bytes.Buffer
	if err := f.Output(&out); err != nil {
		return nil, fmt.Errorf("draw the timesheet: %w", err)
	}
	return out.Bytes(), nil
}

func (p *page) add() {
	p.AddPage()
	p.y = top
}

func (p *page) colour(c [3]int) { p.SetTextColor(c[0], c[1], c[2]) }

// font chooses style ("" or "B") and size in points.
func (p *page) font(style string, size float64) { p.SetFont(family, style, size) }

// text writes one line at x, on the baseline of the row that begins at y.
func (p *page) text(x, y float64, text string) {
	if text != "" {
		p.Text(x, y+3.2, visual(text))
	}
}

// rightText writes one line that ends at x.
func (p *page) rightText(x, y float64, text string) { p.text(x-p.GetStringWidth(text), y, text) }

// number writes a number that ends at x, in smaller letters where it is wider than the column.
func (p *page) number(x, y, width float64, text string) {
	size, _ := p.GetFontSize()
	if wide := p.GetStringWidth(text); wide > width {
		p.SetFontSize(size * width / wide)
		defer p.SetFontSize(size)
	}
	p.rightText(x, y, text)
}

func (p *page) fit(text string, width float64) []string { return wrap(text, width, p.GetStringWidth) }

// room begins a new page where there is no room for height, and repeats the head of the table there.
func (p *page) room(height float64) {
	if p.y+height <= bottom {
		return
	}
	p.add()
	if p.head != nil {
		p.head()
	}
}

func (p *page) hline(y float64, c [3]int, width float64) {
	p.SetDrawColor(c[0], c[1], c[2])
	p.SetLineWidth(width)
	p.Line(left, y, right, y)
}

// letterhead says who made the sheet for whom, and of when it is.
func (p *page) letterhead() {
	p.colour(ink)
	p.font("B", 12)
	for _, text := range p.fit(p.glyphs.shown(p.d.From.Name), right-left) {
		p.text(left, p.y, text)
		p.y += 5.5
	}
	p.font("", 8.5)
	p.colour(pale)
	contact := []string{}
	for _, text := range append(append([]string{}, p.d.From.Lines...), p.d.From.Email) {
		if text = p.glyphs.shown(text); text != "" {
			contact = append(contact, text)
		}
	}
	for _, text := range p.fit(strings.Join(contact, " · "), right-left) {
		p.text(left, p.y, text)
		p.y += 4
	}
	p.y = max(p.y+2, top+12)
	p.hline(p.y, accent, 0.6)
	p.y += 9
	begin := p.y

	const labels, values = 106.0, 136.0
	for _, fact := range [][2]string{
		{p.w.number, p.d.ID}, {p.w.period, p.w.Period(p.d.Sheet.Period)}, {p.w.made, p.w.dayOf(p.d.Made, p.d.Zone)}, {p.w.state, p.w.states[p.d.State]},
		{p.w.order, p.d.OrderNumber}, {p.w.buyer, p.d.BuyerReference}, {p.w.invoice, p.d.InvoiceRef},
	} {
		if fact[1] == "" {
			continue
		}
		p.colour(pale)
		p.font("", 8.5)
		p.text(labels, p.y, fact[0])
		p.colour(ink)
		p.font("", 9)
		for _, text := range p.fit(p.glyphs.shown(fact[1]), right-values) {
			p.text(values, p.y, text)
			p.y += 4.8
		}
	}
	end := p.y

	p.y = begin
	first := p.PageNo()
	for i, text := range append([]string{p.d.To.Name}, p.d.To.Lines...) {
		style, size, height := "", 9.5, 4.6
		if i == 0 {
			style, size, height = "B", 10, 4.8
		}
		p.font(style, size)
		for _, part := range p.fit(p.glyphs.shown(text), 84) {
			p.room(height)
			p.font(style, size)
			p.colour(ink)
			p.text(left, p.y, part)
			p.y += height
		}
	}
	if p.PageNo() == first { // else they are on another page than what stands beside them
		p.y = max(p.y, end, begin+22)
	}
	p.y += 8
	p.room(40)

	p.colour(ink)
	p.font("B", 19)
	p.Text(left, p.y+5, p.w.title)
	p.y += 9
	p.font("", 10)
	p.colour(pale)
	p.text(left, p.y, p.w.Period(p.d.Sheet.Period))
	p.y += 6
	if p.d.State == timesheet.Draft {
		p.font("B", 9)
		p.colour(alarm)
		p.text(left, p.y, p.w.draft)
		p.y += 6
	}
	p.y += 3
}

func (p *page) section(title string) {
	p.head = nil
	p.room(26)
	p.font("B", 11.5)
	p.colour(accent)
	p.text(left, p.y, title)
	p.y += 6.5
}

// column is a column of a table.
type column struct {
	title string
	x     float64 // where it begins, or ends if it is of numbers
	right bool
}

// tableHead writes the head of a table, here and on the pages that follow.
func (p *page) tableHead(columns []column) {
	p.head = func() {
		p.font("B", 8)
		p.colour(pale)
		for _, c := range columns {
			if c.right {
				p.rightText(c.x, p.y, c.title)
			} else {
				p.text(c.x, p.y, c.title)
			}
		}
		p.y += 5
		p.hline(p.y, rule, 0.25)
		p.y += 1.2
	}
	p.head()
}

// positions is the summary: what is billed, and its totals.
func (p *page) positions() {
	const rate, actual, billed, amount = 116.0, 136.0, 158.0, right
	const beside = 24 - apart // of the rate, beside what the position is called
	s := p.d.Sheet
	p.section(p.w.positions)
	p.tableHead([]column{
		{p.w.description, left, false}, {p.w.rate, rate, true}, {p.w.time, actual, true}, {p.w.billed, billed, true}, {p.w.amount, amount, true},
	})
	customers := map[string]bool{}
	for i := range s.Positions {
		customers[s.Positions[i].Customer] = true
	}
	for _, o := range workFirst(s.Positions) {
		name := map[timesheet.Kind]string{timesheet.Work: p.w.work, timesheet.Travel: p.w.travelling}[o.Kind]
		switch {
		case o.BillingType != calendar.Billable:
			name += " (" + p.w.notBilled + ")"
		case o.Rate == "":
			name += " (" + p.w.noRate + ")"
		}
		if len(customers) > 1 {
			name = p.glyphs.shown(o.Customer) + " · " + name
		}
		p.font("", 9)
		lines := p.fit(name, rate-left-beside-apart)
		p.room(float64(len(lines))*line + 1.4)
		p.font("", 9)
		p.colour(ink)
		p.text(left, p.y, lines[0])
		if o.Rate != "" {
			p.number(rate, p.y, beside, p.w.Decimal(o.Rate))
		}
		p.number(actual, p.y, actual-rate-apart, p.w.Time(o.Seconds))
		p.number(billed, p.y, billed-actual-apart, p.w.Time(o.Billed))
		if o.Amount != "" {
			p.number(amount, p.y, amount-billed-apart, p.w.Decimal(o.Amount)+" "+o.Currency)
		}
		p.y += line
		for _, text := range lines[1:] {
			p.text(left, p.y, text)
			p.y += line
		}
		p.y += 1.2
	}
	p.head = nil
	seconds := int64(0)
	for i := range s.Positions {
		seconds += s.Positions[i].Seconds
	}
	p.room(14 + 5*float64(len(s.Totals)))
	p.hline(p.y, ink, 0.3)
	p.y += 1.6
	p.font("B", 9)
	p.colour(ink)
	p.text(left, p.y, p.w.sums)
	p.number(actual, p.y, actual-rate-apart, p.w.Time(seconds))
	p.number(billed, p.y, billed-actual-apart, p.w.Time(s.Billed))
	for i, t := range s.Totals {
		if i > 0 {
			p.y += 5
		}
		p.number(amount, p.y, amount-billed-apart, p.w.Decimal(t.Amount)+" "+t.Currency)
	}
	p.y += 6.5
	p.font("", 8.5)
	p.colour(pale)
	for _, text := range p.w.roundings(p.d.Rounding, s.Period) {
		for _, part := range p.fit(p.w.rounding+": "+text, right-left) {
			p.room(4)
			p.font("", 8.5)
			p.colour(pale)
			p.text(left, p.y, part)
			p.y += 4
		}
	}
	p.y += 7
}

// lines are the entries by day: what was worked, then what was travelled, then what supplements earlier sheets.
func (p *page) lines() {
	var work, travel, supplements []*timesheet.Line
	for i := range p.d.Sheet.Lines {
		l := &p.d.Sheet.Lines[i]
		switch {
		case l.Supplements != "":
			supplements = append(supplements, l)
		case l.Kind == timesheet.Travel:
			travel = append(travel, l)
		default:
			work = append(work, l)
		}
	}
	p.days(p.w.entries, work, p.billed)
	p.days(p.w.travel, travel, p.billed)
	p.days(p.w.supplements, supplements, p.supplemented)
	p.head = nil
}

// billed is what is billed of a day and of each of its lines; empty where that is not known, since more than the day, or the line, is rounded as one.
func (p *page) billed(day calendar.Date, lines []*timesheet.Line) (whole string, each []string) {
	each = make([]string, len(lines))
	if p.d.RoundsEntries(day) {
		for i, l := range lines {
			each[i] = p.w.Time(l.Billed)
		}
	}
	if seconds, ok := p.d.BilledOn(day, lines); ok {
		whole = p.w.Time(seconds)
	}
	return whole, each
}

// supplemented is billed of lines that supplement other sheets. Where these rounded more than a line as one, the difference is in the summary alone.
func (p *page) supplemented(_ calendar.Date, lines []*timesheet.Line) (whole string, each []string) {
	each = make([]string, len(lines))
	if !slices.ContainsFunc(lines, func(l *timesheet.Line) bool { return l.Billed != l.Seconds }) {
		return "", each
	}
	sum := int64(0)
	for i, l := range lines {
		each[i] = p.w.Time(l.Billed)
		sum += l.Billed
	}
	return p.w.Time(sum), each
}

// days writes lines by day under a title. Of says what is billed of the lines of a day; there is a column for it if any of that is not the time as it was.
func (p *page) days(title string, lines []*timesheet.Line, of func(calendar.Date, []*timesheet.Line) (string, []string)) {
	if len(lines) == 0 {
		return
	}
	byDay := map[calendar.Date][]*timesheet.Line{}
	var days []calendar.Date
	for _, l := range lines {
		if byDay[l.Date] == nil {
			days = append(days, l.Date)
		}
		byDay[l.Date] = append(byDay[l.Date], l)
	}
	slices.SortFunc(days, calendar.Date.Compare)
	actual := func(day calendar.Date) (seconds int64) {
		for _, l := range byDay[day] {
			seconds += l.Seconds
		}
		return seconds
	}
	rounded := false
	for _, day := range days {
		whole, each := of(day, byDay[day])
		rounded = rounded || whole != "" && whole != p.w.Time(actual(day))
		for i, l := range byDay[day] {
			rounded = rounded || each[i] != "" && each[i] != p.w.Time(l.Seconds)
		}
	}
	columns := []column{{p.w.fromTo, left + 2, false}, {p.w.subject, subjectX, false}, {p.w.time, right, true}}
	if rounded { // else the summary alone has what is billed
		columns[2].x = actualX
		columns = append(columns, column{p.w.billed, right, true})
	}
	p.section(title)
	p.tableHead(columns)
	figures := func(seconds int64, billed string) {
		p.number(columns[2].x, p.y, timeWidth, p.w.Time(seconds))
		if rounded {
			p.number(right, p.y, timeWidth, billed)
		}
	}
	for _, day := range days {
		whole, each := of(day, byDay[day])
		p.room(2*line + 6)
		p.SetFillColor(wash[0], wash[1], wash[2])
		p.Rect(left, p.y, right-left, line+1.2, "F")
		p.font("B", 8.5)
		p.colour(ink)
		p.y += 0.6
		p.text(left+2, p.y, p.w.weekday(day))
		figures(actual(day), whole)
		p.y += line + 1.4
		for i, l := range byDay[day] {
			p.entry(l, each[i], figures)
		}
		p.y += 1
	}
	p.y += 6
}

// Where the columns of days are.
const subjectX, actualX, timeWidth = 48.0, 172.0, 15.0

// entry writes one line. Figures writes its durations.
func (p *page) entry(l *timesheet.Line, billed string, figures func(seconds int64, billed string)) {
	clock := p.w.allDay
	if from, to := p.d.Clock(l); from != "" {
		clock = from + "–" + to
		if has(l, timesheet.CrossesMidnight) {
			clock += " *"
		}
	}
	p.font("", 8.5)
	texts := p.fit(cmp.Or(p.glyphs.shown(l.Subject), p.w.noSubject), actualX-subjectX-16)
	var notes []string
	switch {
	case l.Reverses():
		notes = append(notes, p.w.reversal+" "+shortRef(l.Supplements))
	case strings.Contains(l.Supplements, "#"):
		notes = append(notes, p.w.replaced+" "+shortRef(l.Supplements))
	case l.Supplements != "":
		notes = append(notes, p.w.newOne+" ("+shortRef(l.Supplements)+")")
	}
	if l.BillingType != calendar.Billable {
		notes = append(notes, p.w.notBilled)
	}
	if has(l, timesheet.NoRate) {
		notes = append(notes, p.w.noRate)
	}
	rows := len(texts)
	if len(notes) > 0 {
		rows++
	}
	p.room(float64(rows)*line + 0.6)
	p.font("", 8.5)
	p.colour(ink)
	p.text(left+2, p.y, clock)
	p.text(subjectX, p.y, texts[0])
	figures(l.Seconds, billed)
	p.y += line
	for _, text := range texts[1:] {
		p.text(subjectX, p.y, text)
		p.y += line
	}
	if len(notes) > 0 {
		p.font("", 7.5)
		p.colour(pale)
		p.text(subjectX, p.y-0.2, strings.Join(notes, ", "))
		p.y += line
	}
	p.y += 0.6
}

func has(l *timesheet.Line, flag timesheet.Flag) bool { return slices.Contains(l.Flags, flag) }

// shortRef names a line of another sheet by the beginning of the sheet's hash.
func shortRef(ref string) string {
	name, number, found := strings.Cut(strings.TrimPrefix(ref, "sha256:"), "#")
	if len(name) > 12 {
		name = name[:12]
	}
	if found {
		name += " #" + number
	}
	return name
}

// notes explain what the lines are marked with.
func (p *page) notes() {
	for i := range p.d.Sheet.Lines {
		if has(&p.d.Sheet.Lines[i], timesheet.CrossesMidnight) {
			p.room(6)
			p.font("", 8)
			p.colour(pale)
			p.text(left, p.y, "* "+p.w.crossesMidnight)
			p.y += 8
			return
		}
	}
}

// check says how to check the sheet.
func (p *page) check() {
	seal := p.d.Seal
	if seal.Hash == "" {
		return
	}
	p.section(p.w.check)
	facts := [][2]string{{p.w.hash, strings.TrimPrefix(seal.Hash, "sha256:")}}
	if seal.Link > 0 {
		facts = append(facts, [2]string{p.w.link, fmt.Sprint(seal.Link)}, [2]string{p.w.head, seal.Head})
	}
	if seal.File != nil {
		facts = append(facts, [2]string{p.w.command, "admin-assistant timesheet verify " + p.d.FileName() + ".pdf"}, [2]string{"", p.w.attached})
	}
	const values = 48.0
	for _, fact := range facts {
		p.font("", 8)
		lines := p.fit(p.glyphs.shown(fact[1]), right-values)
		p.room(float64(len(lines)) * 4.2)
		p.font("", 8)
		p.colour(pale)
		p.text(left, p.y, fact[0])
		p.colour(ink)
		for _, text := range lines {
			p.text(values, p.y, text)
			p.y += 4.2
		}
	}
}

// footers number the pages.
func (p *page) footers() {
	pages := p.PageCount()
	name := p.w.title
	if p.d.ID != "" {
		name += " " + p.d.ID
	}
	if p.d.Seal.Hash != "" {
		name += " · SHA-256 " + shortRef(p.d.Seal.Hash)
	}
	for n := 1; n <= pages; n++ {
		p.SetPage(n)
		p.font("B", 7.4) // another font than any before: the one that is set counts for the page that was written last
		p.font("", 7.5)
		p.colour(ink)
		p.colour(pale)
		p.hline(282, rule, 0.25)
		p.text(left, 284, p.glyphs.shown(name))
		p.rightText(right, 284, fmt.Sprintf(p.w.page, n, pages))
	}
}

// workFirst are positions with the journeys of a customer after their work.
func workFirst(all []timesheet.Position) []timesheet.Position {
	journeys := map[timesheet.Kind]int{timesheet.Travel: 1}
	return slices.SortedStableFunc(slices.Values(all), func(a, b timesheet.Position) int {
		return cmp.Or(strings.Compare(a.Customer, b.Customer), cmp.Compare(journeys[a.Kind], journeys[b.Kind]))
	})
}
