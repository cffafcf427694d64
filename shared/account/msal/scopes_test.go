package msal

import "testing"

func TestScopesAreComparedByWhatTheyMean(t *testing.T) {
	asked := []string{"Calendars.ReadWrite", "11111111-1111-4111-8111-111111111111/access_as_user"}
	for answer, want := range map[string]string{
		`{"scope":"https://graph.microsoft.com/Calendars.ReadWrite openid"}`:    `{"scope":"Calendars.ReadWrite openid"}`,
		`{"scope":"CALENDARS.READWRITE"}`:                                       `{"scope":"Calendars.ReadWrite"}`,
		`{"scope":"00000003-0000-0000-c000-000000000000/calendars.readwrite"}`:  `{"scope":"Calendars.ReadWrite"}`,
		`{"scope":"api://11111111-1111-4111-8111-111111111111/access_as_user"}`: `{"scope":"11111111-1111-4111-8111-111111111111/access_as_user"}`,
		`{"scope":"access_as_user","x":1}`:                                      `{"scope":"11111111-1111-4111-8111-111111111111/access_as_user","x":1}`,
		`{"scope":"Calendars.Read"}`:                                            `{"scope":"Calendars.Read"}`, // which is another
		`{"scope":"Calendars.ReadWrite  openid"}`:                               `{"scope":"Calendars.ReadWrite openid"}`,
		`{"x":1}`:         `{"x":1}`,
		`{"scope":["a"]}`: `{"scope":["a"]}`,
		`no JSON`:         `no JSON`,
	} {
		if got := string(InWords(asked, []byte(answer))); got != want {
			t.Errorf("%s is %s, want %s", answer, got, want)
		}
	}
}
