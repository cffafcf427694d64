package archive

import "testing"

func TestEachVersionIsMatchedWithOneEvent(t *testing.T) {
	one := uid("uid-a")
	testOutcomes{
		{
			name:    "what is held as it is does not stand for another of its iCalUId that is gone",
			held:    day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00", one)),
			events:  day(busy("a", "09:00", "10:00")),
			want:    outcomes{"a": "unchanged", "b": "vanished"},
			actions: []string{"drift b"},
		}, {
			name:    "two of one iCalUId that moved are two",
			held:    day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00", one)),
			events:  day(busy("a", "13:00", "14:00"), busy("b", "15:00", "16:00", one)),
			want:    outcomes{"a": "drifted", "b": "drifted"},
			actions: []string{"drift a", "drift b"},
		}, {
			name:    "of three that moved, one is new when two are held",
			held:    day(busy("a", "09:00", "10:00"), busy("b", "11:00", "12:00", one)),
			events:  day(busy("a", "13:00", "14:00"), busy("b", "15:00", "16:00", one), busy("c", "17:00", "18:00", one)),
			want:    outcomes{"a": "drifted", "b": "drifted", "c": "archived"},
			actions: []string{"drift a", "drift b"},
		}, {
			name:     "a duplicate that was archived stands for the one that is kept, be that left out now",
			settings: timesheet,
			held:     day(busy("a", "09:00", "10:00", billed, subject("x"))),
			events:   day(busy("a", "09:00", "10:00", billed, subject("x")), busy("b", "09:00", "10:00", subject("x"), organized)),
			want:     outcomes{"a": "merged into b", "b": "drifted"},
			actions:  []string{"drift b"},
		},
	}.run(t)
}
