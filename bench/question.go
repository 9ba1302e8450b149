package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/miekg/dns"
)

// question is one question and the response code that it should get.
type question struct {
	name  string
	qtype string
	rcode int
}

// questions makes n questions for a company zone, the same ones always: 80 % for names that exist (3 of these 80 without
// data of that type), 10 % for names that do not exist, 5 % below a wildcard, 5 % below a delegation.
func questions(z *zone, n int) []question {
	r := rand.New(rand.NewPCG(2, 1035))
	list := make([]question, n)
	for i := range list {
		name, qtype, rcode := ask(block(r.IntN(z.blocks())), r)
		list[i] = question{name + "." + z.origin, qtype, rcode}
	}
	return list
}

func ask(b block, r *rand.Rand) (name, qtype string, rcode int) {
	switch p := r.IntN(100); {
	case p < 44:
		return b.host(r.IntN(hosts)), "A", dns.RcodeSuccess
	case p < 58:
		return b.host(r.IntN(dualHosts)), "AAAA", dns.RcodeSuccess
	case p < 68:
		return b.alias(r.IntN(aliases)), "A", dns.RcodeSuccess
	case p < 72:
		return b.mail(r.IntN(mailDomains)), "MX", dns.RcodeSuccess
	case p < 75:
		return b.host(firstNote + r.IntN(notes)), "TXT", dns.RcodeSuccess
	case p < 77:
		return b.sip(r.IntN(services)), "SRV", dns.RcodeSuccess
	case p < 80: // no data
		return b.host(dualHosts + r.IntN(hosts-dualHosts)), "AAAA", dns.RcodeSuccess
	case p < 90:
		return fmt.Sprintf("nx%d.%s", r.IntN(1e7), b.site()), "A", dns.RcodeNameError
	case p < 95:
		return fmt.Sprintf("w%d.%s", r.IntN(1e7), b.wild()), "A", dns.RcodeSuccess
	default:
		return fmt.Sprintf("h%d.%s", r.IntN(1e7), b.child()), "A", dns.RcodeSuccess
	}
}

// writeQuestions writes one question a line: name, type, response code.
func writeQuestions(w io.Writer, list []question) error {
	out := bufio.NewWriter(w)
	for _, q := range list {
		fmt.Fprintln(out, q.name, q.qtype, q.rcode)
	}
	return out.Flush()
}

// packed is a question as it goes on the wire, but for its ID.
type packed struct {
	msg   []byte
	rcode byte
}

// readQuestions reads and packs what writeQuestions wrote.
func readQuestions(r io.Reader) ([]packed, error) {
	var list []packed
	in := bufio.NewScanner(r)
	for in.Scan() {
		var q question
		if _, err := fmt.Sscan(in.Text(), &q.name, &q.qtype, &q.rcode); err != nil {
			return nil, fmt.Errorf("question %q: %w", in.Text(), err)
		}
		m := new(dns.Msg).SetQuestion(q.name, dns.StringToType[q.qtype])
		m.RecursionDesired = false
		msg, err := m.Pack()
		if err != nil {
			return nil, fmt.Errorf("question %q: %w", in.Text(), err)
		}
		list = append(list, packed{msg, byte(q.rcode)})
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("no questions")
	}
	return list, nil
}
