package concord

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/concord-dns/concord/internal/config"
)

// readTLS reads tls [CA], tls CERT KEY and tls CERT KEY CA, as *forward* has it. The files are read now so that a mistake is
// found now; what is used is read again by whoever connects, when it has changed.
func readTLS(b *directive, p *config.Primary, args []string) error {
	paths := make([]string, len(args))
	for i, arg := range args {
		paths[i] = b.path(arg)
	}
	switch len(paths) {
	case 0:
	case 1:
		p.TLS.CA = paths[0]
	case 2:
		p.TLS.Cert, p.TLS.Key = paths[0], paths[1]
	case 3:
		p.TLS.Cert, p.TLS.Key, p.TLS.CA = paths[0], paths[1], paths[2]
	default:
		return errors.New("has more than three files; write it as tls CA, tls CERT KEY or tls CERT KEY CA")
	}
	if p.TLS.Cert != "" {
		if _, err := tls.LoadX509KeyPair(p.TLS.Cert, p.TLS.Key); err != nil {
			return fileError(err, p.TLS.Cert+" with "+p.TLS.Key)
		}
	}
	if p.TLS.CA != "" {
		text, err := os.ReadFile(p.TLS.CA)
		if err != nil {
			return fileError(err, p.TLS.CA)
		}
		if !x509.NewCertPool().AppendCertsFromPEM(text) {
			return fmt.Errorf("%s: there is no certificate in PEM in it; name the file of the CA that signed the primary's certificate", p.TLS.CA)
		}
	}
	return nil
}

// fileError says which file it is and what to do.
func fileError(err error, paths string) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		paths, err = e.Path, e.Err
	}
	if missing := missingFile(err, paths); missing != nil {
		return missing
	}
	return fmt.Errorf("%s: %w; write a certificate and its private key, both in PEM", paths, err)
}

// missingFile returns an error if err says that a file could not be read.
func missingFile(err error, path string) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: there is no such file; write its path, absolute or below root", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s: this user may not read it; let it, or run as another", path)
	}
	return nil
}

func readTLSPin(_ *directive, p *config.Primary, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%w; write it as sha256: and 64 hexadecimal digits", errNoValue)
	}
	if len(args) > config.MaxPins {
		return errors.New("has more than two pins; keep the one in use and the one that comes after it")
	}
	for _, arg := range args {
		pin, err := config.ParsePin(arg)
		if err != nil {
			return err
		}
		p.TLS.Pins = append(p.TLS.Pins, pin)
	}
	return nil
}

func readTLSServerName(_ *directive, p *config.Primary, args []string) (err error) {
	if p.TLS.ServerName, err = one(args); err != nil {
		return fmt.Errorf("%w; write the name that is in the primary's certificate, such as ns1.example.net", err)
	}
	return nil
}
