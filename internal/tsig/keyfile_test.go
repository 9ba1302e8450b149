package tsig

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/files"
)

const secretText = "bm8gc2VjcmV0IGJ1dCBsb25nIGVub3VnaCBmb3IgYSB0ZXN0IG9mIGl0"

func TestParseKeys(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       string // names and algorithms
	}{
		{"empty", "", "map[]"},
		{"comments alone", "# one\n// two\n/* three\n four */ /*/ five */\n#", "map[]"},
		{"as tsig-keygen prints it", "key \"tsig-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + secretText + "\";\n};\n", "map[tsig-key.:hmac-sha256]"},
		{"in one line, without quotes", "key k.example.{secret " + secretText + ";algorithm HMAC-SHA512;};", "map[k.example.:hmac-sha512]"},
		{"two, with comments anywhere", "key /**/A // x\n{ # y\nalgorithm \"hmac-sha1\" ; secret \"" + secretText + "\" /* { */ ; } ;\r\nkey b. { algorithm hmac-md5; secret \"" + secretText + "\"; };",
			"map[a.:hmac-sha1 b.:hmac-md5]"},
		{"escapes in the name", `key "a\.b.C" { algorithm hmac-sha224; secret "` + secretText + `"; };`, `map[a\.b.c.:hmac-sha224]`},
	} {
		keys, err := ParseKeys("keys", []byte(test.text))
		got := make(map[string]config.Algorithm)
		for name, k := range keys {
			got[name] = k.Algorithm()
			if name != k.String() || string(k.secret.Reveal()) != string(secret) {
				t.Errorf("%s: key %v under %s, or another secret", test.name, k, name)
			}
		}
		if err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v, %v, want %s", test.name, got, err, test.want)
		}
	}
}

func TestParseKeysErrors(t *testing.T) {
	const good = "key k { algorithm hmac-sha256; secret \"" + secretText + "\"; };\n"
	for _, test := range []struct{ text, want string }{
		{"\n\noptions { };", `keys:3: only keys belong here; write each as key "NAME" { algorithm hmac-sha256; secret "BASE64"; };`},
		{`"" ` + good, `keys:1: only keys belong here; write each as key "NAME" { algorithm hmac-sha256; secret "BASE64"; };`},
		{"key", "keys:1: the name of the key is missing after the word key"},
		{"key \n{", "keys:2: the name of the key is missing after the word key"},
		{`key "" {`, "keys:1: the name of the key is missing after the word key"},
		{"key a..b {", "keys:1: the name of the key is none: it has an empty label"},
		{"key k\n;", "keys:2: { is missing before this"},
		{"key k {", "keys:1: key k.: want algorithm or secret, or } at its end"},
		{"key k {\n" + secretText + ";", "keys:2: key k.: want algorithm or secret, or } at its end"},
		{"key k { algorithm ; };", "keys:1: key k.: the algorithm is missing"},
		{"key k { algorithm hmac-sha256 }", "keys:1: ; is missing before this"},
		{"key k { algorithm hmac-sha256", "keys:1: the file ends, and ; is missing"},
		{"key k { algorithm hmac-sha3; };", `keys:1: key k.: "hmac-sha3" is not an algorithm; write one of: hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512`},
		{"key k {\nalgorithm " + secretText + "; };", "keys:2: key k.: this is not an algorithm; write one such as hmac-sha256"},
		{"key k { algorithm hmac-sha256;\nalgorithm hmac-sha1; };", "keys:2: key k. has two lines with its algorithm; keep one"},
		{"key k { secret " + secretText + ";\n\nsecret " + secretText + "; };", "keys:3: key k. has two lines with its secret; keep one"},
		{"key k { secret \"" + secretText + "!\"; };", "keys:1: key k.: the secret is not base64; write it as tsig-keygen prints it"},
		{"key k { secret \"" + secretText + "\"; };", "keys:1: key k. has no algorithm; write algorithm hmac-sha256;"},
		{"key k { algorithm hmac-sha256; };", `keys:1: key k. has no secret; write secret "BASE64";`},
		{"key k { algorithm hmac-sha256; secret \"" + secretText + "\n\"; };", `keys:1: a string is not closed; end it with "`},
		{good[:len(good)-2] + "\nkey", "keys:2: ; is missing before this"},
		{good + "\n" + good, "keys:3: key k. is on line 1 already; keep one"},
		{good + "/* and so\non", "keys:2: a comment is not closed; end it with */"},
		{"/*/", "keys:1: a comment is not closed; end it with */"},
	} {
		keys, err := ParseKeys("keys", []byte(test.text))
		if err == nil || err.Error() != test.want || keys != nil {
			t.Errorf("%q:\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add("key \"tsig-key\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + secretText + "\";\n};\n")
	f.Add("key a{secret Zm9v;algorithm hmac-md5;};key b { algorithm \"HMAC-SHA512.\"; secret Zm9v; }; # end")
	f.Add("/*/ */ // \n# key")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := ParseKeys("keys", []byte(text))
		if (keys == nil) == (err == nil) {
			t.Fatalf("keys %v and error %v, want one of them", keys, err)
		}
		if err != nil {
			if line := 0; strings.Contains(err.Error(), "\n") {
				t.Fatalf("%q is more than a line", err)
			} else if n, _ := fmt.Sscanf(err.Error(), "keys:%d:", &line); n != 1 || line < 1 || line > 1+strings.Count(text, "\n") {
				t.Fatalf("%v: not the line of a text of %d", err, 1+strings.Count(text, "\n"))
			}
			return
		}
		for name, k := range keys {
			again := fmt.Sprintf("key \"%s\" { algorithm %v; secret \"%s\"; };", name, k.Algorithm(), "Zm9v")
			if strings.ContainsAny(name, "\"\n") {
				continue
			}
			if got, err := ParseKeys("keys", []byte(again)); err != nil || got[name].name != name {
				t.Fatalf("%s: %v, %v", again, got, err)
			}
		}
	})
}

func TestKeyring(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	own := func(name string, a config.Algorithm) config.Key {
		return config.Key{Name: name, Algorithm: a, Secret: config.NewSecret(secret)}
	}
	entry := func(name string, a config.Algorithm) string {
		return fmt.Sprintf("key %s { algorithm %v; secret %s; };\n", name, a, secretText)
	}
	var open Files
	if first := open.Open(path); first != open.Open(path) {
		t.Error("one path is two files")
	}
	r, err := NewKeyring([]config.Key{own("own.", config.HMACSHA1)}, []*File{open.Open(path)}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		write string
		names []string
		want  string
		err   string
	}{
		{"", []string{"own.", "file."}, "[own.]", ""},
		{"", []string{"file."}, "[]", "key file.: " + path + ": there is no such file: no such file or directory"},
		{entry("file", config.HMACSHA256) + entry("old", config.HMACMD5), []string{"file.", "OWN."}, "[file. own.]", ""},
		{"", []string{"old."}, "[]", "key old.: hmac-md5 is not safe any more; make a key with hmac-sha256 at the primary"},
		{"", []string{"none.", "old."}, "[]", "key none.: it is not in " + path + "; add it there as tsig-keygen prints it"},
		{entry("next", config.HMACSHA256), []string{"file.", "next."}, "[next.]", ""},
		{"broken", []string{"file.", "next."}, "[next.]", ""},
	} {
		if step.write != "" {
			if err := os.WriteFile(path, []byte(step.write), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(files.Every)
		keys, err := r.Keys(now, step.names...)
		if fmt.Sprint(keys) != step.want || err == nil && step.err != "" || err != nil && err.Error() != step.err {
			t.Errorf("%v: %v, %v, want %s, %s", step.names, keys, err, step.want, step.err)
		}
		problem := r.Problem()
		if step.write == "broken" {
			if problem == nil || !strings.HasPrefix(problem.Error(), path+":1: only keys belong here") {
				t.Errorf("problem %v", problem)
			}
		} else if problem != nil && !errors.Is(problem, os.ErrNotExist) {
			t.Errorf("problem %v", problem)
		}
	}
	if err := open.Open(filepath.Join(dir, "other")).Load(now); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if _, err := NewKeyring([]config.Key{own("a.", config.HMACMD5)}, nil, false); err == nil {
		t.Error("hmac-md5 is allowed")
	}
	if r, err = NewKeyring([]config.Key{own("a.", config.HMACMD5)}, nil, true); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Keys(time.Time{}, "b."); err == nil || err.Error() != "key b.: there is no such key; add a line such as: key b. hmac-sha256 SECRET" {
		t.Error(err)
	}
}
