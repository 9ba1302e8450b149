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
func ParseKeys(path string, text []byte) (map[string]Key, error) {
	p := parser{text: text, line: 1}
	keys := make(map[string]Key)
	lines := make(map[string]int)
	for {
		key, line, err := p.key()
		if err == nil && key.IsZero() {
			return keys, nil
		}
		if err == nil {
			if first, ok := lines[key.name]; ok {
				err = fmt.Errorf("key %s is on line %d already; keep one", key.name, first)
				p.at = line
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, p.at, err)
		}
		keys[key.name], lines[key.name] = key, line
	}
}

// parser goes through the text token by token.
type parser struct {
	text []byte
	line int // of text
	at   int // line of the last token
}

// token is a word, a string, or one of { } ; and nothing at the end of the text.
type token struct {
	text  string
	punct bool
}

func (t token) is(punct string) bool { return t.punct && t.text == punct }

// key reads one key; the zero Key is the end of the text.
func (p *parser) key() (Key, int, error) {
	word, err := p.next()
	line := p.at
	switch {
	case err != nil:
		return Key{}, line, err
	case word == token{}:
		return Key{}, line, nil
	case word.punct || word.text != "key":
		return Key{}, line, errors.New(`only keys belong here; write each as key "NAME" { algorithm hmac-sha256; secret "BASE64"; };`)
	}
	name, err := p.next()
	if err == nil && (name.punct || name.text == "") {
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
	if word.punct || word.text != "algorithm" && word.text != "secret" {
		return fmt.Errorf("key %s: want algorithm or secret, or } at its end", k.Name)
	}
	value, err := p.next()
	if err != nil {
		return err
	}
	if value.punct || value.text == "" {
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

func (p *parser) want(punct string) error {
	t, err := p.next()
	if err == nil && !t.is(punct) {
		err = fmt.Errorf("%s is missing before this", punct)
		if (t == token{}) {
			err = fmt.Errorf("the file ends, and %s is missing", punct)
		}
	}
	return err
}

// next returns the next token.
func (p *parser) next() (token, error) {
	if err := p.space(); err != nil {
		return token{}, err
	}
	p.at = p.line
	if len(p.text) == 0 {
		return token{}, nil
	}
	switch c := p.text[0]; c {
	case '{', '}', ';':
		p.text = p.text[1:]
		return token{string(c), true}, nil
	case '"':
		end := bytes.IndexAny(p.text[1:], "\"\n")
		if end < 0 || p.text[1+end] == '\n' {
			return token{}, errors.New(`a string is not closed; end it with "`)
		}
		s := string(p.text[1 : 1+end])
		p.text = p.text[end+2:]
		return token{text: s}, nil
	}
	end := bytes.IndexAny(p.text, "{};\" \t\r\n")
	if end < 0 {
		end = len(p.text)
	}
	s := string(p.text[:end])
	p.text = p.text[end:]
	return token{text: s}, nil
}

// space goes over white space and comments.
func (p *parser) space() error {
	for len(p.text) > 0 {
		switch c := p.text[0]; {
		case c == '\n':
			p.line++
			p.text = p.text[1:]
		case c == ' ' || c == '\t' || c == '\r':
			p.text = p.text[1:]
		case c == '#', bytes.HasPrefix(p.text, []byte("//")):
			if end := bytes.IndexByte(p.text, '\n'); end >= 0 {
				p.text = p.text[end:]
			} else {
				p.text = nil
			}
		case bytes.HasPrefix(p.text, []byte("/*")):
			p.at = p.line
			end := bytes.Index(p.text, []byte("*/"))
			if end < 0 {
				return errors.New("a comment is not closed; end it with */")
			}
			p.line += bytes.Count(p.text[:end], []byte("\n"))
			p.text = p.text[end+2:]
		default:
			return nil
		}
	}
	return nil
}
