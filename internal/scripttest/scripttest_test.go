package scripttest

import (
	"errors"
	"testing"
)

func TestPlay(t *testing.T) {
	command := func(words []string) (string, error) {
		switch words[0] {
		case "quiet":
			return "", nil
		case "fail":
			return "some\n", errors.New("broken")
		}
		return words[1] + "\n\n" + words[2], nil
	}
	const was = "# comment\n    old\n\nsay a b\n    old\n    old\nquiet\nfail\n"
	const want = "# comment\n\nsay a b\n    a\n    \n    b\nquiet\nfail\n    some\n    error: broken\n"
	if got := play(t, was, command); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := play(t, want, command); got != want {
		t.Errorf("a second run gives %q, want %q", got, want)
	}
}
