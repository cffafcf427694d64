package job

import "testing"

func TestJobsThatStayPausedForTheirReasonStayAsTheyAre(t *testing.T) {
	w := newWorld(t, evening)
	c := w.config("A")
	j := w.job(c, daily("23:00", "Europe/Berlin"))
	c.Active = false
	_, err := w.configs().Update(t.Context(), user, c)
	must(t, err)
	must(t, w.jobs().PauseAll(t.Context(), user, c.ID, ConfigInactive))
	before := w.get(j.ID)
	must(t, w.jobs().ResumeAll(t.Context(), user, c.ID, ConfigInactive)) // the config is still inactive
	if after := w.get(j.ID); after.Version != before.Version || after.State != Paused || after.Reason != ConfigInactive || after.Detail != before.Detail {
		t.Errorf("it was %+v, and is %+v", before, after)
	}
}
