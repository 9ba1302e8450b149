package concord

import (
	"fmt"
	"os"

	"github.com/concord-dns/concord/internal/config"
	"github.com/concord-dns/concord/internal/verify/dnssec"
	"github.com/concord-dns/concord/internal/zone"
)

// checkTrustFiles has what verify names be there and be of use now, and not when the first copy is to be checked: that would
// be held for as long as the file is missing. The file of anchors is read again when it changes, and the program is started anew
// each time.
func checkTrustFiles(z *config.Zone) error {
	v := &z.Verify
	if v.Anchors != "" {
		if err := checkAnchors(v.Anchors, z.Origin); err != nil {
			return &config.Error{Property: "verify dnssec", Problem: err.Error()} // the path is in it
		}
	}
	if len(v.Command) > 0 {
		if err := checkProgram(v.Command[0]); err != nil {
			return &config.Error{Property: "verify command", Problem: err.Error()}
		}
	}
	return nil
}

func checkAnchors(path, origin string) error {
	f, err := os.Open(path)
	if err != nil {
		if missing := missingFile(err, path); missing != nil {
			return missing
		}
		return err
	}
	defer f.Close()
	apex, err := zone.ParseName(origin)
	if err != nil {
		return err
	}
	_, err = dnssec.ParseAnchors(path, f, apex)
	return err
}

func checkProgram(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		if missing := missingFile(err, path); missing != nil {
			return missing
		}
		return err
	case info.IsDir(), info.Mode()&0o111 == 0:
		return fmt.Errorf("%s: is not a program that can be started; make it executable (chmod +x)", path)
	}
	return nil
}
