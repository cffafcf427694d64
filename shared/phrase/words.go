package phrase

// word is a text in each language. {1} is the place of the first value that belongs into it, and so on.
type word struct{ en, de string }

// words are all that phrases name. A name that ends with .one or .many is for one thing, or for more. What begins with a sign or a space goes on after the
// name of a run or a job.
var words = map[string]word{
	"as_it_is": {"{1}", "{1}"},
	"at":       {"{1}", "{1}"},
	"row":      {"{1} and {2}", "{1} und {2}"},

	"run.archive": {"Archive run", "Archivierung"},
	"run.decide":  {"Decision", "Entscheidung"},
	"run.undo":    {"Undo", "Rücknahme"},
	"run.verify":  {"Verification", "Prüfung"},
	"run.repair":  {"Repair", "Reparatur"},
	"run.backup":  {"Backup", "Sicherung"},
	"run.restore": {"Restore", "Wiederherstellung"},
	"run.drill":   {"Restore drill", "Wiederherstellungsprobe"},
	"run.import":  {"Import", "Import"},
	"run.other":   {"Run", "Lauf"},
	"title":       {"{1}{2}", "{1}{2}"},
	"title.of":    {`{1} of "{2}"{3}`, "{1} von „{2}“{3}"},

	"end.well":        {" went well", ": fertig"},
	"end.failed":      {" failed", " gescheitert"},
	"end.refused.one": {": 1 event failed", ": 1 Termin nicht geschrieben"}, "end.refused.many": {": {1} events failed", ": {1} Termine nicht geschrieben"},
	"ended.well": {"The run of {1} did all that it was to do.", "Der Lauf für {1} hat alles getan, was er sollte."},
	"ended.wrote.one": {
		"The run of {2} wrote 1 event. All of it is recorded.", "Der Lauf für {2} hat 1 Termin geschrieben und aufgezeichnet.",
	},
	"ended.wrote.many": {
		"The run of {2} wrote {1} events. All of it is recorded.", "Der Lauf für {2} hat {1} Termine geschrieben und aufgezeichnet.",
	},
	"ended.refused.one": {
		"The run of {2} did all but 1 event, which the calendar refused.", "Der Lauf für {2} ist fertig bis auf 1 Termin, den der Kalender nicht annahm.",
	},
	"ended.refused.many": {
		"The run of {2} did all but {1} events, which the calendar refused.",
		"Der Lauf für {2} ist fertig bis auf {1} Termine, die der Kalender nicht annahm.",
	},
	"ended.failed": {"The run of {1} failed: {2}.", "Der Lauf für {1} ist gescheitert: {2}."},
	"safe": {
		"Nothing is lost or doubled: what was recorded before stays, and the next run goes on from there.",
		"Nichts ist verloren oder doppelt: Was aufgezeichnet ist, bleibt, und der nächste Lauf macht dort weiter.",
	},
	"try.again":     {"Try what failed again.", "Versuchen Sie noch einmal, was fehlgeschlagen ist."},
	"try.job":       {"Its job tries again at its next time.", "Der Auftrag versucht es zu seiner nächsten Zeit wieder."},
	"look":          {"Look at the run: it says of each why.", "Der Lauf zeigt zu jedem, warum."},
	"things.differ": {"Look at the run: it says what differs, and what to do.", "Der Lauf zeigt, was abweicht und was zu tun ist."},
	"ledger.has": {
		"The ledger has all that was archived, so that nothing is lost.", "Im Hauptbuch steht alles, was archiviert wurde; verloren ist nichts.",
	},
	"found.otherwise": {
		"A calendar was not there under its former name or id, and was found by the other one of the two. The run says which; look whether it is the right one.",
		"Ein Kalender hat einen anderen Namen oder eine andere Kennung als bisher und wurde an dem jeweils anderen erkannt. " +
			"Der Lauf zeigt, welcher; sehen Sie nach, ob es der richtige ist.",
	},

	"reason.invalid":         {"something that it was given does not fit", "etwas, das ihm vorgegeben war, passt nicht"},
	"reason.not_found":       {"a calendar or a config that it needs was not found", "ein Kalender oder ein Archiv, das er braucht, ist nicht zu finden"},
	"reason.conflict":        {"the state of things did not allow it", "der Stand der Dinge ließ es nicht zu"},
	"reason.unauthenticated": {"access to the calendar was refused", "der Zugriff auf den Kalender wurde verweigert"},
	"reason.forbidden":       {"access to the calendar is not allowed", "der Zugriff auf den Kalender ist nicht erlaubt"},
	"reason.throttled":       {"the calendar service asked to slow down for too long", "der Kalenderdienst hat uns zu lange warten lassen"},
	"reason.mailbox_out_of_reach": {
		"the mailbox is out of reach; if it stays so for three days, there is an action that says what to do",
		"das Postfach ist nicht erreichbar; bleibt das drei Tage lang so, sagen wir Ihnen, was zu tun ist",
	},
	"reason.unavailable": {"a service did not answer at any attempt", "ein Dienst hat bei keinem Versuch geantwortet"},
	"reason.malformed":   {"something that is stored cannot be read", "etwas Gespeichertes ist nicht lesbar"},
	"reason.setup": {
		"Microsoft does not accept this installation any more; its operator has to mend that, and there is nothing for you to do",
		"Microsoft nimmt diese Installation nicht mehr an; das muss ihr Betreiber beheben, für Sie ist nichts zu tun",
	},
	"reason.locked": {"the period is locked", "der Zeitraum ist abgeschlossen"},
	"reason.other":  {"something went wrong on our side", "bei uns ist etwas schiefgegangen"},

	"asks.one": {": 1 thing for you to decide", ": 1 Punkt zu klären"}, "asks.many": {": {1} things for you to decide", ": {1} Punkte zu klären"},
	"asks.run": {"The run of {1} asks: {2}.", "Zu klären nach dem Lauf für {1}: {2}."},
	"asks.copies": {
		"It asks you about {1}: put right, take over, or leave.", "Zu klären: {1}. Sie können berichtigen, übernehmen oder es lassen, wie es ist.",
	},
	"asks.until":   {"Until you decide, what is archived stays as it is.", "Bis Sie entscheiden, bleibt das Archiv, wie es ist."},
	"asks.earlier": {"Still open from earlier runs: {1}.", "Noch offen aus früheren Läufen: {1}."},
	"asks.open":    {"Still open from earlier runs: {1} for you to decide.", "Noch offen aus früheren Läufen: {1} zu klären."},
	"waits.one":    {" went well; still open: 1 thing for you to decide", ": fertig; noch 1 Punkt zu klären"},
	"waits.many":   {" went well; still open: {1} things for you to decide", ": fertig; noch {1} Punkte zu klären"},
	"waits.copies": {": something waits", ": noch etwas zu klären"},
	"thing.one":    {"1 thing", "1 Punkt"}, "thing.many": {"{1} things", "{1} Punkte"},

	"count.overlap.one": {"1 overlap", "1 Überschneidung"}, "count.overlap.many": {"{1} overlaps", "{1} Überschneidungen"},
	"count.drift.one":                {"1 change in the source", "1 Änderung in der Quelle"},
	"count.drift.many":               {"{1} changes in the source", "{1} Änderungen in der Quelle"},
	"count.orphan_modification.one":  {"1 modification of nothing", "1 Änderung ohne Termin"},
	"count.orphan_modification.many": {"{1} modifications of nothing", "{1} Änderungen ohne Termin"},
	"count.missing_category.one":     {"1 missing customer", "1 fehlender Kunde"},
	"count.missing_category.many":    {"{1} missing customers", "{1} fehlende Kunden"},
	"count.missing_travel.one":       {"1 missing journey", "1 fehlende Fahrt"},
	"count.missing_travel.many":      {"{1} missing journeys", "{1} fehlende Fahrten"},
	"count.stale_decision.one":       {"1 decision that no longer holds", "1 Entscheidung, die nicht mehr gilt"},
	"count.stale_decision.many":      {"{1} decisions that no longer hold", "{1} Entscheidungen, die nicht mehr gelten"},
	"count.retention.one":            {"1 crowd of appointments missing from the source", "1 Reihe von Terminen, die in der Quelle fehlen"},
	"count.retention.many":           {"{1} crowds of appointments missing from the source", "{1} Reihen von Terminen, die in der Quelle fehlen"},
	"count.altered.one":              {"1 change in the archive calendar", "1 Änderung im Archivkalender"},
	"count.altered.many":             {"{1} changes in the archive calendar", "{1} Änderungen im Archivkalender"},
	"count.archive_missing.one":      {"1 missing archive calendar", "1 fehlender Archivkalender"},
	"count.archive_missing.many":     {"{1} missing archive calendars", "{1} fehlende Archivkalender"},
	"count.ledger_damaged.one":       {"1 damaged ledger", "1 beschädigtes Hauptbuch"},
	"count.ledger_damaged.many":      {"{1} damaged ledgers", "{1} beschädigte Hauptbücher"},
	"count.shrunk_window.one":        {"1 calendar that shows too little", "1 Kalender, der zu wenig zeigt"},
	"count.shrunk_window.many":       {"{1} calendars that show too little", "{1} Kalender, die zu wenig zeigen"},
	"count.keys_changed.one":         {"1 calendar with other ids", "1 Kalender mit anderen Kennungen"},
	"count.keys_changed.many":        {"{1} calendars with other ids", "{1} Kalender mit anderen Kennungen"},
	"count.unreadable_days.one":      {"1 calendar with unreadable days", "1 Kalender mit unlesbaren Tagen"},
	"count.unreadable_days.many":     {"{1} calendars with unreadable days", "{1} Kalender mit unlesbaren Tagen"},
	"count.mailbox_out_of_reach.one": {"1 mailbox out of reach", "1 Postfach, das nicht erreichbar ist"},
	"count.mailbox_out_of_reach.many": {
		"{1} mailboxes out of reach", "{1} Postfächer, die nicht erreichbar sind",
	},
	"count.sign_in_needed.one":  {"1 sign-in at Microsoft 365", "1 Anmeldung bei Microsoft 365"},
	"count.sign_in_needed.many": {"{1} sign-ins at Microsoft 365", "{1} Anmeldungen bei Microsoft 365"},
	"count.run_failed.one":      {"1 failed run", "1 gescheiterter Lauf"},
	"count.run_failed.many":     {"{1} failed runs", "{1} gescheiterte Läufe"},
	"count.blocked.one":         {"1 organisation that blocks us", "1 Organisation, die uns nicht lässt"},
	"count.blocked.many":        {"{1} organisations that block us", "{1} Organisationen, die uns nicht lassen"},
	"count.not_seen.one":        {"1 long absence", "1 lange Abwesenheit"},
	"count.not_seen.many":       {"{1} long absences", "{1} lange Abwesenheiten"},
	"count.job_stuck.one":       {"1 job that does not start", "1 Auftrag, der nicht startet"},
	"count.job_stuck.many":      {"{1} jobs that do not start", "{1} Aufträge, die nicht starten"},
	"count.other":               {"{1} {2}", "{1} × {2}"},

	"ledger.damaged.title": {" stopped: the ledger is not what was written", " abgebrochen: Das Hauptbuch ist nicht mehr, was geschrieben wurde"},
	"ledger.damaged.found": {
		" found that the ledger is not what was written", ": Das Hauptbuch ist nicht mehr, was geschrieben wurde",
	},
	"ledger.damaged": {
		"The run of {1} found that somebody or something changed the ledger outside of Admin Assistant, so it added nothing to it.",
		"Der Lauf für {1} hat festgestellt, dass das Hauptbuch außerhalb von Admin Assistant verändert wurde, und hat nichts hinzugefügt.",
	},
	"ledger.damaged.all": {
		"Somebody or something changed the ledger outside of Admin Assistant. No run adds anything to it.",
		"Das Hauptbuch wurde außerhalb von Admin Assistant verändert. Kein Lauf fügt ihm noch etwas hinzu.",
	},
	"ledger.damaged.repair": {
		"Somebody or something changed the ledger outside of Admin Assistant, so nothing was repaired from it.",
		"Das Hauptbuch wurde außerhalb von Admin Assistant verändert, deshalb wurde nichts danach repariert.",
	},
	"ledger.damaged.undo": {
		"Somebody or something changed the ledger outside of Admin Assistant, so nothing was undone.",
		"Das Hauptbuch wurde außerhalb von Admin Assistant verändert, deshalb wurde nichts zurückgenommen.",
	},
	"ledger.check": {
		"Look what does not fit: admin-assistant ledger verify --config NAME.", "Sehen Sie nach, was nicht passt: admin-assistant ledger verify --config NAME.",
	},
	"ledger.restore": {
		"Then ask who runs this installation to bring the ledger back from a backup of the table.",
		"Bitten Sie dann den Betreiber dieser Installation, das Hauptbuch aus einer Sicherung der Tabelle zurückzuholen.",
	},
	"archive.gone": {": the archive calendar is gone", ": Der Archivkalender ist weg"},
	"archive.gone.copy": {
		"The archive calendar is gone, though the ledger holds appointments in it.",
		"Der Archivkalender ist weg, obwohl laut Hauptbuch Termine darin sind.",
	},
	"archive.lacks": {": the archive calendar does not show what was archived", ": Der Archivkalender zeigt nicht, was archiviert wurde"},
	"archive.lacks.text": {
		"The run of {1} found that the archive calendar, or events that were archived in it, are gone. The ledger holds all of them, so that nothing is lost.",
		"Beim Lauf für {1} war der Archivkalender weg, oder Termine, die darin archiviert waren. Im Hauptbuch stehen sie alle; verloren ist nichts.",
	},
	"archive.lacks.look": {"Look at the run: it says what is missing and what to do.", "Der Lauf zeigt, was fehlt und was zu tun ist."},
	"shrunk":             {" stopped: far fewer events than before", " abgebrochen: weit weniger Termine als zuvor"},
	"shrunk.text": {
		"The calendar shows far fewer events in {1} than the archive holds, so the run changed nothing.",
		"Der Kalender zeigt für {1} weit weniger Termine, als im Archiv stehen. Deshalb hat der Lauf nichts geändert.",
	},
	"shrunk.do": {
		"If the events are really gone, run it again with force. If not, look at the calendar first.",
		"Wenn die Termine wirklich weg sind, starten Sie den Lauf noch einmal und erzwingen Sie ihn. Wenn nicht, sehen Sie zuerst nach dem Kalender.",
	},
	"keys": {" stopped: the events have other ids than before", " abgebrochen: Die Termine haben andere Kennungen als zuvor"},
	"keys.text": {
		"Most of the appointments that were archived of {1} are no longer in the calendar, and as many others are new. Outlook may have given the same events " +
			"other ids, so the run changed nothing.",
		"Die meisten Termine, die für {1} archiviert wurden, sind nicht mehr im Kalender, und ebenso viele andere sind neu. Vielleicht hat Outlook denselben " +
			"Terminen andere Kennungen gegeben. Deshalb hat der Lauf nichts geändert.",
	},
	"keys.do": {
		"If they are other events indeed, run it again with force.",
		"Wenn es wirklich andere Termine sind, starten Sie den Lauf noch einmal und erzwingen Sie ihn.",
	},
	"days.unreadable":      {": some days could not be read", ": Einige Tage waren nicht lesbar"},
	"days.unreadable.text": {"In the run of {1} {2}.", "Beim Lauf für {1}: {2}"},
	"days.unreadable.copies": {
		"Days of the archive calendar could not be read. All others were compared.",
		"Tage des Archivkalenders waren nicht lesbar. Alle anderen wurden verglichen.",
	},
	"nothing.new": {"The run of {1} found nothing new.", "Der Lauf für {1} hat nichts Neues gefunden."},
	"wrote.one":   {"The run of {2} wrote 1 event.", "Der Lauf für {2} hat 1 Termin geschrieben."},
	"wrote.many":  {"The run of {2} wrote {1} events.", "Der Lauf für {2} hat {1} Termine geschrieben."},

	"decide.gone": {
		"What you decided could not be carried out, because the archive calendar is gone.",
		"Was Sie entschieden haben, ließ sich nicht ausführen, weil der Archivkalender weg ist.",
	},
	"decide.nothing":      {": nothing was changed", ": Nichts wurde geändert"},
	"decide.nothing.text": {"What you decided was not carried out: {1}.", "Was Sie entschieden haben, wurde nicht ausgeführt: {1}"},
	"decide.nothing.meanwhile": {
		"What you decided was not carried out: something changed meanwhile.",
		"Was Sie entschieden haben, wurde nicht ausgeführt, weil sich inzwischen etwas geändert hat.",
	},
	"decide.nothing.open": {
		"Nothing was written, and what is open can be decided again.", "Nichts wurde geschrieben, und was offen ist, können Sie neu entscheiden.",
	},
	"decide.some": {": some of it was not carried out", ": Ein Teil wurde nicht ausgeführt"},
	"decide.some.text.one": {
		"Of what you decided, 1 decision was not carried out, because something changed meanwhile.",
		"Von Ihren Entscheidungen wurde 1 nicht ausgeführt, weil sich inzwischen etwas geändert hat.",
	},
	"decide.some.text.many": {
		"Of what you decided, {1} decisions were not carried out, because something changed meanwhile.",
		"Von Ihren Entscheidungen wurden {1} nicht ausgeführt, weil sich inzwischen etwas geändert hat.",
	},
	"decide.some.others": {
		"All others were. What is open can be decided again.", "Alle anderen schon. Was offen ist, können Sie neu entscheiden.",
	},

	"copies.missing.one": {": one copy is missing", ": 1 Kopie fehlt"}, "copies.missing.many": {": {1} copies are missing", ": {1} Kopien fehlen"},
	"copies.missing.text.one": {
		"The archive calendar lacks one appointment of the ledger.", "Im Archivkalender fehlt 1 Termin des Hauptbuchs.",
	},
	"copies.missing.text.many": {
		"The archive calendar lacks {1} appointments of the ledger.", "Im Archivkalender fehlen {1} Termine des Hauptbuchs.",
	},
	"copies.retention": {
		"A retention policy or AutoArchive of the mailbox is the likely cause: it takes what is older than a date.",
		"Die wahrscheinliche Ursache ist eine Aufbewahrungsrichtlinie oder die AutoArchivierung des Postfachs: Sie nimmt, was älter als ein Datum ist.",
	},
	"copies.altered.one":  {": one copy was altered", ": 1 Kopie wurde geändert"},
	"copies.altered.many": {": {1} copies were altered", ": {1} Kopien wurden geändert"},
	"copies.altered.text.one": {
		"In the archive calendar one copy shows something else than the ledger has.",
		"Im Archivkalender zeigt 1 Kopie etwas anderes als das Hauptbuch.",
	},
	"copies.altered.text.many": {
		"In the archive calendar {1} copies show something else than the ledger has.", "Im Archivkalender zeigen {1} Kopien etwas anderes als das Hauptbuch.",
	},
	"copies.differ.one":  {": one thing differs", ": 1 Abweichung"},
	"copies.differ.many": {": {1} things differ", ": {1} Abweichungen"},
	"copies.differ.text": {"The archive calendar is not what the ledger has.", "Der Archivkalender zeigt nicht, was im Hauptbuch steht."},
	"repair.left.one":    {": 1 thing still differs", ": noch 1 Abweichung"},
	"repair.left.many":   {": {1} things still differ", ": noch {1} Abweichungen"},
	"repair.left.text": {
		"The repair did what it was asked to do. What it left differs still; the run says why.",
		"Die Reparatur hat getan, was sie sollte. Was sie übrig ließ, weicht noch ab; der Lauf zeigt, warum.",
	},

	"undo.changed": {" stopped: things have changed", " abgebrochen: Etwas hat sich geändert"},
	"undo.changed.text": {
		"Since you saw what would be undone, something changed, so nothing was undone. Look again, and start it again.",
		"Seit Sie gesehen haben, was zurückgenommen würde, hat sich etwas geändert. Deshalb wurde nichts zurückgenommen. Sehen Sie es noch einmal an, und starten " +
			"Sie dann neu.",
	},
	"undo.left.one": {": 1 was left as it is", ": 1 blieb, wie es war"}, "undo.left.many": {": {1} were left as they are", ": {1} blieben, wie sie waren"},
	"undo.left.text":   {"{1} undone, {2} left as they are.", "{1} zurückgenommen, {2} gelassen."},
	"undo.failed.text": {"{1} undone, {2} failed, {3} left as they are.", "{1} zurückgenommen, {2} fehlgeschlagen, {3} gelassen."},

	"backup.otherwise": {"The backup of {1} is complete and was proven.", "Die Sicherung für {1} ist vollständig und geprüft."},
	"backup.unread":    {": some events could not be read and are not in it", ": Einige Termine waren nicht lesbar und fehlen darin"},
	"backup.unread.text": {
		"The backup of {1} was proven, but it lacks events that the calendar cannot give out: something in them is broken. They start at {2}. All others " +
			"are in it.",
		"Die Sicherung für {1} ist geprüft, aber ihr fehlen Termine, die der Kalender nicht herausgibt: Etwas darin ist kaputt. Sie beginnen: {2}. " +
			"Alle anderen sind enthalten.",
	},
	"backup.unread.do": {
		"Look for them in Outlook, delete them or save them anew, and back the calendar up again.",
		"Suchen Sie diese Termine in Outlook, löschen oder speichern Sie sie neu, und sichern Sie den Kalender noch einmal.",
	},
	"backup.others.one":  {"1 other", "1 weiterer"},
	"backup.others.many": {"{1} others", "{1} weitere"},
	"backup.left.further.one": {
		"iCalendar cannot hold 1 further event; the other files have all.", "iCalendar kann 1 weiteren Termin nicht darstellen; die anderen Dateien haben alle.",
	},
	"backup.left.further.many": {
		"iCalendar cannot hold {1} further events; the other files have all.",
		"iCalendar kann {1} weitere Termine nicht darstellen; die anderen Dateien haben alle.",
	},
	"backup.left.one":  {": 1 event is not in its iCalendar file", ": 1 Termin fehlt in der iCalendar-Datei"},
	"backup.left.many": {": {1} events are not in its iCalendar file", ": {1} Termine fehlen in der iCalendar-Datei"},
	"backup.left.text": {
		"The backup of {1} is complete and was proven. iCalendar cannot hold {2} of its events; its other files have them.",
		"Die Sicherung für {1} ist vollständig und geprüft. iCalendar kann {2} ihrer Termine nicht darstellen; in den anderen Dateien stehen sie.",
	},
	"drill.differ.one":  {": 1 event differs", ": 1 Termin weicht ab"},
	"drill.differ.many": {": {1} events differ", ": {1} Termine weichen ab"},
	"drill.differ.text": {
		"What was restored is not what the newest backup holds. Calendar and backups are as they were. Look at what differs, and make a new backup.",
		"Wiederhergestellt wurde etwas anderes, als in der neuesten Sicherung steht. Kalender und Sicherungen sind, wie sie waren. Sehen Sie nach, was abweicht, " +
			"und machen Sie eine neue Sicherung.",
	},
	"drill.nothing": {": there is nothing to restore", ": Es gibt nichts wiederherzustellen"},
	"drill.nothing.text": {
		"There is no backup of the whole calendar yet, or the calendar was not found. Make a backup first.",
		"Es gibt noch keine Sicherung des ganzen Kalenders, oder der Kalender ist nicht zu finden. Machen Sie zuerst eine Sicherung.",
	},

	"job.late": {" was started late", " wurde verspätet gestartet"},
	"job.late.text": {
		"The job was started more than five minutes after its time. Nothing is lost: one run makes up for all times that were missed.",
		"Der Auftrag wurde mehr als fünf Minuten nach seiner Zeit gestartet. Verloren ist nichts: Ein Lauf holt alles nach, was ausfiel.",
	},
	"job.waits": {" waits for a newer version", " wartet auf eine neuere Version"},
	"job.waits.text": {
		"The program was put back to an earlier version, which does not know jobs of this kind. Nothing is lost, and there is nothing for you to do: when a newer " +
			"version is back, one run makes up for all times that were missed.",
		"Das Programm läuft wieder in einer früheren Version, die Aufträge dieser Art nicht kennt. Verloren ist nichts, und für Sie ist nichts zu tun: " +
			"Sobald eine neuere Version da ist, holt ein Lauf alles nach, was ausfiel.",
	},
	"job.stuck": {"{1} cannot be started: {2}", "{1} kann nicht gestartet werden: {2}"},
	"job.stuck.text": {
		"It is tried again by itself, and one run will make up for all times that were missed. Whoever runs this installation was told.",
		"Es wird von selbst wieder versucht, und ein Lauf holt alles nach, was ausfiel. Der Betreiber dieser Installation weiß davon.",
	},

	"unreached": {
		"Microsoft 365 has not let us reach the mailbox since {1}; runs failed for that on {2} days.",
		"Microsoft 365 lässt uns seit dem {1} nicht an das Postfach; an {2} Tagen sind Läufe deshalb gescheitert.",
	},
	"unreached.why": {
		"The account may have no licence with a mailbox any more, be blocked or deleted, or have its mailbox on premises, or Microsoft 365 still moves it.",
		"Vielleicht hat das Konto keine Lizenz mit Postfach mehr, ist gesperrt oder gelöscht, hat sein Postfach im eigenen Haus, oder Microsoft 365 " +
			"zieht es noch um.",
	},
	"unreached.do": {
		"Open Outlook with that account. If that does not work either, ask the administrator of your Microsoft 365 to bring the mailbox back; if it is gone for " +
			"good, pause the jobs.",
		"Öffnen Sie Outlook mit diesem Konto. Geht auch das nicht, bitten Sie den Administrator Ihres Microsoft 365, das Postfach zurückzuholen; ist es für immer " +
			"weg, halten Sie die Aufträge an.",
	},

	"sign_in.title": {"Sign in to Microsoft 365 again", "Melden Sie sich neu bei Microsoft 365 an"},
	"sign_in.text": {
		"Microsoft asks you to sign in again. Until you do, your calendars cannot be read, and your jobs are paused.",
		"Microsoft verlangt, dass Sie sich neu anmelden. Bis dahin sind Ihre Kalender nicht lesbar, und Ihre Aufträge sind angehalten.",
	},
	"sign_in.do": {"Sign in on the web.", "Melden Sie sich im Browser an."},
	"sign_in.go_on": {
		"Sign in on the web; your jobs then go on by themselves.",
		"Melden Sie sich im Browser an; Ihre Aufträge laufen dann von selbst weiter.",
	},
	"sign_in.done":      {"You signed in to Microsoft 365 again", "Sie haben sich neu bei Microsoft 365 angemeldet"},
	"sign_in.done.text": {"Your jobs go on at their next times.", "Ihre Aufträge laufen zu ihren nächsten Zeiten weiter."},
	"blocked.title":     {"Your organisation does not let your calendars be read", "Ihre Organisation lässt uns Ihre Kalender nicht lesen"},
	"blocked.text":      {"Your calendars cannot be read since {1}: {2}.", "Ihre Kalender sind seit dem {1} nicht lesbar: {2}"},
	"blocked.again":     {"Your jobs try again at their next times.", "Ihre Aufträge versuchen es zu ihren nächsten Zeiten wieder."},
	"not_seen.title":    {"Your jobs are paused, since you were not here", "Ihre Aufträge sind angehalten, weil Sie nicht da waren"},
	"not_seen.text":     {"You were not here for {1} days.", "Sie waren {1} Tage lang nicht da."},
	"not_seen.why": {
		"Your organisation's sign-in service does not say who has left, so that your jobs wait for you. They go on by themselves with your next request or " +
			"sign-in, and archives go on from where they stopped.",
		"Der Anmeldedienst Ihrer Organisation sagt uns nicht, wer ausgeschieden ist; deshalb warten Ihre Aufträge auf Sie. Mit Ihrem nächsten Besuch laufen sie " +
			"von selbst weiter, und Archive machen dort weiter, wo sie aufgehört haben.",
	},
	"not_seen.soon": {"Your jobs will pause on {1}", "Ihre Aufträge werden am {1} angehalten"},
	"not_seen.soon.text": {
		"You were here last on {1}. Sign in, or make any request, before {2}, and your jobs go on.",
		"Sie waren zuletzt am {1} da. Melden Sie sich vor dem {2} an oder rufen Sie eine Seite auf, dann laufen Ihre Aufträge weiter.",
	},

	"mail.back": {"E-mail to you came back", "Eine E-Mail an Sie kam zurück"},
	"mail.back.bounced": {
		"The mail server of your address does not take e-mail for it, or does not know it.",
		"Der Mailserver Ihrer Adresse nimmt dafür keine E-Mails an oder kennt sie nicht.",
	},
	"mail.back.complained": {
		"Somebody who reads your address called an e-mail of ours unwanted.",
		"Jemand, der unter Ihrer Adresse liest, hat eine E-Mail von uns als unerwünscht gemeldet.",
	},
	"mail.back.rejected": {
		"An e-mail to your address was refused by the service that sends it.", "Der Dienst, der unsere E-Mails verschickt, hat eine an Ihre Adresse abgelehnt.",
	},
	"mail.back.held": {
		"No e-mail is sent to it any more. You see all notifications here, and nothing else changed.",
		"Dorthin geht keine E-Mail mehr. Alle Mitteilungen sehen Sie hier; sonst hat sich nichts geändert.",
	},
	"mail.back.user": {
		"Give another address in your settings; or, when this one is right after all, let e-mail through again.",
		"Tragen Sie in Ihren Einstellungen eine andere Adresse ein. Ist diese doch richtig, lassen Sie dort wieder E-Mails zu.",
	},
	"mail.back.administrator": {
		"Give another address in your settings, or ask an administrator to let e-mail through again: {1}",
		"Tragen Sie in Ihren Einstellungen eine andere Adresse ein, oder bitten Sie einen Administrator, wieder E-Mails zuzulassen: {1}",
	},
	"sheet.back": {"A timesheet that you sent came back", "Ein Stundenzettel, den Sie gesendet haben, kam zurück"},
	"sheet.back.bounced": {
		"The mail server of the customer's address does not take e-mail for it, or does not know it.",
		"Der Mailserver der Adresse des Kunden nimmt dafür keine E-Mails an oder kennt sie nicht.",
	},
	"sheet.back.complained": {
		"Somebody who reads the customer's address called the e-mail unwanted.",
		"Jemand, der unter der Adresse des Kunden liest, hat die E-Mail als unerwünscht gemeldet.",
	},
	"sheet.back.rejected": {
		"The e-mail was refused by the service that sends it.", "Der Dienst, der die E-Mails verschickt, hat sie abgelehnt.",
	},
	"sheet.back.held": {
		"No e-mail is sent to it any more. The timesheet's history says which address it is.",
		"Dorthin geht keine E-Mail mehr. Welche Adresse es ist, steht im Verlauf des Stundenzettels.",
	},
	"sheet.back.do": {
		"Give the customer another address, and send the timesheet once more. If the address is right after all, let mail through to it again on the " +
			"customer's page.",
		"Geben Sie dem Kunden eine andere Adresse, und senden Sie den Stundenzettel noch einmal. Ist die Adresse doch richtig, lassen Sie auf der Seite des " +
			"Kunden wieder E-Mails zu.",
	},

	"digest.title.one":  {"1 thing open", "1 Punkt offen"},
	"digest.title.many": {"{1} things open", "{1} Punkte offen"},
	"digest.text":       {"Waiting for you: {1}.", "Das wartet auf Sie: {1}."},
	"digest.oldest":     {"These are the {1} oldest.", "Hier die {1} ältesten."},
	"digest.point":      {"{1}, since {2}", "{1}, seit {2}"},
	"digest.point.of":   {`{1}, since {2}, of "{3}"`, "{1}, seit {2}, in „{3}“"},

	"letter.command":     {"On the command line", "Auf der Kommandozeile"},
	"letter.page":        {"See it in the browser", "Im Browser ansehen"},
	"letter.why":         {"You get this e-mail because your settings say so.", "Sie erhalten diese E-Mail, weil Ihre Einstellungen es so vorsehen."},
	"letter.settings":    {"Change your settings", "Einstellungen ändern"},
	"letter.unsubscribe": {"No more daily digests", "Keine tägliche Übersicht mehr"},
	"letter.head": {
		"Keep this e-mail: with the signed head of the ledger it can be proved that nothing before it was changed",
		"Heben Sie diese E-Mail auf. Mit dem unterschriebenen Kopf des Hauptbuchs lässt sich beweisen, dass davor nichts verändert wurde",
	},

	"reference": {"Reference for questions:", "Kennung für Rückfragen:"},

	"sign_in":       {"Sign in", "Anmelden"},
	"signed_out":    {"You are signed out", "Sie sind abgemeldet"},
	"sign_out":      {"Sign out", "Abmelden"},
	"sign_out.as":   {"You are signed in as", "Sie sind angemeldet als"},
	"sign_out.here": {"in this browser, here and at Microsoft", "in diesem Browser, hier und bei Microsoft"},
	"sign_out.all":  {"End all access", "Jeden Zugriff beenden"},
	"sign_out.all.text": {
		"in all browsers; and nothing is done with your mailbox any more until you sign in again: your jobs wait",
		"in allen Browsern; und mit Ihrem Postfach geschieht nichts mehr, bis Sie sich wieder anmelden: Ihre Aufträge warten",
	},

	"unsubscribe.ask": {"End the daily digest?", "Die tägliche Übersicht beenden?"},
	"unsubscribe.ask.text": {
		"You will get no more e-mails that say once a day what is open. All other notifications stay as they are.",
		"Sie erhalten dann keine E-Mails mehr, die einmal am Tag sagen, was offen ist. Alle anderen Mitteilungen bleiben, wie sie sind.",
	},
	"unsubscribe.go":   {"End them", "Beenden"},
	"unsubscribe.done": {"The daily digest has ended", "Die tägliche Übersicht ist beendet"},
	"unsubscribe.done.text": {
		"You get no more e-mails of it. Your settings bring it back.",
		"Sie erhalten dazu keine E-Mails mehr. In Ihren Einstellungen holen Sie sie zurück.",
	},
}
