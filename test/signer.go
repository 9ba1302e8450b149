package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Signer signs example.org as one provider does, with a key-signing and a zone-signing key of its own: by Knot's kzonesign, or
// by ldns-signzone.
type Signer struct {
	// ZSK is the DNSKEY record of its zone-signing key, for the DNSKEY RRsets of others.
	ZSK string
	// DS is the record of its key-signing key that its parent would have. Of Knot's it is not known.
	DS string

	t    testing.TB
	dir  string
	sign func(zone string, s Signing) string // the signed master file
}

// Signing is how a zone is signed.
type Signing struct {
	NSEC3 bool // deny by NSEC3, without salt and further iterations (RFC 9276), and not by NSEC
	// Others are DNSKEY records of other signers that go into the RRset.
	Others []string

	// What follows is ldns's to do alone. From and Until are when signatures begin and end; zero: an hour ago, and in 20 days.
	From, Until time.Time
	ZONEMD      bool // with a digest (RFC 8976), of scheme SIMPLE with SHA-384
}

// Sign returns the master file of the signed zone.
func (s *Signer) Sign(zone string, how Signing) string {
	s.t.Helper()
	return s.sign(zone, how)
}

// Algorithms of keys.
const (
	ECDSAP256 = 13
	ED25519   = 15
)

// NewKnotSigner returns one with new keys of the algorithm that signs by kzonesign.
func NewKnotSigner(t testing.TB, algorithm int) *Signer {
	t.Helper()
	s := &Signer{t: t, dir: t.TempDir()}
	conf := func(how Signing) string {
		return fmt.Sprintf(`database:
  storage: "%[1]s"
policy:
  - id: manual
    manual: on
    algorithm: %[2]s
    dnskey-ttl: 300
    nsec3: %[3]t
    nsec3-iterations: 0
    nsec3-salt-length: 0
template:
  - id: default
    storage: "%[1]s"
    dnssec-signing: on
    dnssec-policy: manual
zone:
  - domain: example.org
    file: "%[1]s/zone"
`, s.dir, map[int]string{ECDSAP256: "ecdsap256sha256", ED25519: "ed25519"}[algorithm], how.NSEC3)
	}
	keymgr := func(args ...string) string {
		return s.run("keymgr", append([]string{"-c", "conf", "example.org"}, args...)...)
	}
	s.write("conf", conf(Signing{}))
	keymgr("generate", "ksk=yes", "zsk=no")
	zsk := strings.TrimSpace(keymgr("generate", "ksk=no", "zsk=yes"))
	s.ZSK = strings.TrimSpace(keymgr("dnskey", zsk))
	s.sign = func(zone string, how Signing) string {
		s.write("conf", conf(how))
		s.write("zone", zone)
		for i, key := range how.Others {
			name := fmt.Sprintf("Kother%d.key", i)
			s.write(name, key+"\n")
			id := strings.Fields(keymgr("import-pub", filepath.Join(s.dir, name)))[0]
			defer keymgr("delete", id)
		}
		s.run("kzonesign", "-c", "conf", "-o", "signed", "example.org")
		return s.read("signed/zone")
	}
	if err := os.Mkdir(filepath.Join(s.dir, "signed"), 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

// NewLDNSSigner returns one with new keys of the algorithm that signs by ldns-signzone.
func NewLDNSSigner(t testing.TB, algorithm int) *Signer {
	t.Helper()
	s := &Signer{t: t, dir: t.TempDir()}
	keygen := func(args ...string) string {
		return strings.TrimSpace(s.run("ldns-keygen", append(args, "-a", strconv.Itoa(algorithm), "example.org")...))
	}
	ksk, zsk := keygen("-k"), keygen()
	s.ZSK, _, _ = strings.Cut(s.read(zsk+".key"), ";")
	s.ZSK, s.DS = strings.TrimSpace(s.ZSK), s.read(ksk+".ds")
	s.sign = func(zone string, how Signing) string {
		if how.From.IsZero() {
			how.From, how.Until = time.Now().Add(-time.Hour), time.Now().AddDate(0, 0, 20)
		}
		s.write("zone", zone+strings.Join(how.Others, "\n")+"\n")
		args := []string{
			"-f", "signed", "-o", "example.org",
			"-i", strconv.FormatInt(how.From.Unix(), 10), "-e", strconv.FormatInt(how.Until.Unix(), 10),
		}
		if how.NSEC3 {
			args = append(args, "-n", "-t", "0")
		}
		if how.ZONEMD {
			args = append(args, "-z", "simple:sha384")
		}
		s.run("ldns-signzone", append(args, "zone", ksk, zsk)...)
		return s.read("signed")
	}
	return s
}

// run runs a program in the signer's directory and returns what it writes.
func (s *Signer) run(name string, args ...string) string {
	s.t.Helper()
	cmd := exec.Command(LookPath(s.t, name), args...)
	cmd.Dir = s.dir
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		s.t.Fatalf("%s %s: %v: %s%s", name, strings.Join(args, " "), err, out, &said)
	}
	return string(out)
}

func (s *Signer) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Signer) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}
