package httpapi

import (
	"bytes"
	"fmt"
)

// whole is an answer that is written as a whole before its first byte is sent, so that a failure is an error and not half a file. One that becomes too
// large is an error with a code of its own.
type whole struct {
	text bytes.Buffer
	most int64
}

func (s *server) newWhole() *whole { return &whole{most: s.Memory.Answer()} }

func (w *whole) Write(p []byte) (int, error) {
	if int64(w.text.Len()+len(p)) > w.most {
		return 0, &coded{code: codeAnswerTooLarge, detail: tooLargeToAnswer(w.most)}
	}
	return w.text.Write(p)
}

func (w *whole) bytes() []byte { return w.text.Bytes() }

func tooLargeToAnswer(most int64) string {
	return fmt.Sprintf("the answer is larger than %d MB; ask for a shorter period or a smaller page", most>>20)
}
