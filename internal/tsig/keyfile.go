package tsig

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/zone"
)

// ParseKeys reads keys in the form of BIND, as tsig-keygen prints them:
//
//	key "transfer.example.org." {
//		algorithm hmac-sha256;
//		secret "Wl8x...=";
//	};
//
// Comments are those of C, C++ and the shell. The map goes by the names of the keys, in lower case and with a final dot. An
// error begins with the path and the line, and shows nothing of what could be a secret.
func ParseKeys(path string, contents []byte) (map[string]Key, error) {
	p := parser{rest: contents, line: 1}
	keys := make(map[string]Key)
	lines := make(map[string]int)
	for {
		key, line, err := p.key()
		if err == nil && key.IsZero() {
			return keys, nil
		}
		if first, ok := lines[key.name]; ok && err == nil {
			err = fmt.Errorf("key %s is on line %d already; keep one", key.name, first)
			p.at = line
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, p.at, err)
		}
		keys[key.name], lines[key.name] = key, line
	}
}

// parser goes through the text token by token.
type parser struct {
	rest []byte
	line int // of rest
	at   int // line of the last token
}

// token is a word or a string, or one of { } ; or the end of the text.
type token struct {
	text string
	kind kind
}

type kind uint8

const (
	end kind = iota
	text
	punct
)

func (t token) is(p string) bool { return t.kind == punct && t.text == p }

// key reads one key; the zero Key is the end of the text.
func (p *parser) key() (Key, int, error) {
	word, err := p.next()
	line := p.at
	switch {
	case err != nil:
		return Key{}, line, err
	case word.kind == end:
		return Key{}, line, nil
	case word.kind != text || word.text != "key":
		return Key{}, line, errors.New(`only keys belong here; write each as key "NAME" { algorithm hmac-sha256; secret "BASE64"; };`)
	}
	name, err := p.next()
	if err == nil && (name.kind != text || name.text == "") {
		err = errors.New("the name of the key is missing after the word key")
	}
	if err != nil {
		return Key{}, line, err
	}
	k := config.Key{Name: strings.ToLower(strings.TrimSuffix(name.text, ".")) + "."}
	if _, err := zone.ParseName(k.Name); err != nil {
		return Key{}, line, fmt.Errorf("the name of the key is none: %w", errors.Unwrap(err))
	}
	if err := p.want("{"); err != nil {
		return Key{}, line, err
	}
	for {
		word, err := p.next()
		if err != nil {
			return Key{}, line, err
		}
		if word.is("}") {
			break
		}
		if err := p.property(word, &k); err != nil {
			return Key{}, line, err
		}
	}
	switch {
	case k.Algorithm == 0:
		return Key{}, line, fmt.Errorf("key %s has no algorithm; write algorithm hmac-sha256;", k.Name)
	case k.Secret.Reveal() == nil:
		return Key{}, line, fmt.Errorf(`key %s has no secret; write secret "BASE64";`, k.Name)
	}
	if err := p.want(";"); err != nil {
		return Key{}, line, err
	}
	key, err := New(k)
	return key, line, err
}

// property reads the rest of a line of a key.
func (p *parser) property(word token, k *config.Key) error {
	if word.kind != text || word.text != "algorithm" && word.text != "secret" {
		return fmt.Errorf("key %s: want algorithm or secret, or } at its end", k.Name)
	}
	value, err := p.next()
	if err != nil {
		return err
	}
	if value.kind != text || value.text == "" {
		return fmt.Errorf("key %s: the %s is missing", k.Name, word.text)
	}
	switch {
	case word.text == "algorithm" && k.Algorithm != 0, word.text == "secret" && k.Secret.Reveal() != nil:
		return fmt.Errorf("key %s has two lines with its %s; keep one", k.Name, word.text)
	case word.text == "algorithm":
		if k.Algorithm, err = config.ParseAlgorithm(value.text); err != nil {
			if !strings.HasPrefix(strings.ToLower(value.text), "hmac-") { // it could be the secret, in the wrong place
				err = errors.New("this is not an algorithm; write one such as hmac-sha256")
			}
			return fmt.Errorf("key %s: %w", k.Name, err)
		}
	default:
		if k.Secret, err = config.ParseSecret(value.text); err != nil {
			return fmt.Errorf("key %s: %w", k.Name, err)
		}
	}
	return p.want(";")
}

func (p *parser) want(sign string) error {
	t, err := p.next()
	switch {
	case err != nil || t.is(sign):
		return err
	case t.kind == end:
		return fmt.Errorf("the file ends, and %s is missing", sign)
	}
	return fmt.Errorf("%s is missing before this", sign)
}

// next returns the next token.
func (p *parser) next() (token, error) {
	if err := p.space(); err != nil {
		return token{}, err
	}
	p.at = p.line
	if len(p.rest) == 0 {
		return token{}, nil
	}
	switch c := p.rest[0]; c {
	case '{', '}', ';':
		p.rest = p.rest[1:]
		return token{string(c), punct}, nil
	case '"':
		size := bytes.IndexAny(p.rest[1:], "\"\n")
		if size < 0 || p.rest[1+size] == '\n' {
			return token{}, errors.New(`a string is not closed; end it with "`)
		}
		s := string(p.rest[1 : 1+size])
		p.rest = p.rest[size+2:]
		return token{s, text}, nil
	}
	size := bytes.IndexAny(p.rest, "{};\" \t\r\n")
	if size < 0 {
		size = len(p.rest)
	}
	s := string(p.rest[:size])
	p.rest = p.rest[size:]
	return token{s, text}, nil
}

// space goes over white space and comments.
func (p *parser) space() error {
	for len(p.rest) > 0 {
		switch c := p.rest[0]; {
		case c == '\n':
			p.line++
			p.rest = p.rest[1:]
		case c == ' ' || c == '\t' || c == '\r':
			p.rest = p.rest[1:]
		case c == '#', bytes.HasPrefix(p.rest, []byte("//")):
			if size := bytes.IndexByte(p.rest, '\n'); size >= 0 {
				p.rest = p.rest[size:]
			} else {
				p.rest = nil
			}
		case bytes.HasPrefix(p.rest, []byte("/*")):
			p.at = p.line
			comment, rest, closed := bytes.Cut(p.rest[2:], []byte("*/"))
			if !closed {
				return errors.New("a comment is not closed; end it with */")
			}
			p.line += bytes.Count(comment, []byte("\n"))
			p.rest = rest
		default:
			return nil
		}
	}
	return nil
}
