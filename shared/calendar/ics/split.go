package ics

// split carries out changes with RANGE=THISANDFUTURE.
func (r *reader) split() {}
