package web

import "strings"

// knownBrowsers and knownSystems are how browsers say what they are, the particular before those that others pretend to be, and what people call it.
var (
	knownBrowsers = [][2]string{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser/", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS/", "Firefox"}, {"CriOS/", "Chrome"},
		{"Chrome/", "Chrome"}, {"Safari/", "Safari"},
	}
	knownSystems = [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Macintosh", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
)

// browserNamed is what people call a browser by what it says of itself: "Firefox, Windows". One that is not known is what it says.
func browserNamed(agent string) string {
	find := func(known [][2]string) string {
		for _, k := range known {
			if strings.Contains(agent, k[0]) {
				return k[1]
			}
		}
		return ""
	}
	browser, system := find(knownBrowsers), find(knownSystems)
	if browser == "" || system == "" {
		return agent
	}
	return browser + ", " + system
}
