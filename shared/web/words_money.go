package web

// moneyWords are the texts about customers, rules, hours and timesheets.
var moneyWords = map[string]word{}
