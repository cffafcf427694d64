package timesheet

import "fmt"

// Hours writes a duration as h:mm, and with seconds where it has some: 1:30, -0:15, 0:07:30.
func Hours(seconds int64) string {
	sign := ""
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	text := fmt.Sprintf("%s%d:%02d", sign, seconds/3600, seconds/60%60)
	if rest := seconds % 60; rest != 0 {
		text += fmt.Sprintf(":%02d", rest)
	}
	return text
}
