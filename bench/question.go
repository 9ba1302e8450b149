package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"

	"github.com/miekg/dns"
)

// question is one question and what it should get.
type question struct {
	name    string
	qtype   string
	rcode   int
	answers int // records in the answer section
}

// questions makes n questions for a company zone, the same ones always: 80 % for names that exist (3 of these 80 without
// data of that type), 10 % for names that do not exist, 5 % below a wildcard, 5 % below a delegation.
func questions(z *zone, n int) []question {
	r := rand.New(rand.NewPCG(2, 1035))
	list := make([]question, n)
	for i := range list {
		q := ask(block(r.IntN(z.blocks())), r)
		q.name += "." + z.origin
		list[i] = q
	}
	return list
}

func ask(b block, r *rand.Rand) question {
	switch p := r.IntN(100); {
	case p < 44:
		host := r.IntN(hosts)
		return question{b.host(host), "A", dns.RcodeSuccess, addresses(host)}
	case p < 58:
		return question{b.host(r.IntN(dualHosts)), "AAAA", dns.RcodeSuccess, 1}
	case p < 68:
		alias := r.IntN(aliases)
		return question{b.alias(alias), "A", dns.RcodeSuccess, 1 + addresses(alias)}
	case p < 72:
		return question{b.mail(r.IntN(mailDomains)), "MX", dns.RcodeSuccess, 2}
	case p < 75:
		return question{b.host(firstNote + r.IntN(notes)), "TXT", dns.RcodeSuccess, 1}
	case p < 77:
		return question{b.sip(r.IntN(services)), "SRV", dns.RcodeSuccess, 2}
	case p < 80: // no data
		return question{b.host(dualHosts + r.IntN(hosts-dualHosts)), "AAAA", dns.RcodeSuccess, 0}
	case p < 90:
		return question{fmt.Sprintf("nx%d.%s", r.IntN(1e7), b.site()), "A", dns.RcodeNameError, 0}
	case p < 95:
		return question{fmt.Sprintf("w%d.%s", r.IntN(1e7), b.wild()), "A", dns.RcodeSuccess, 1}
	default:
		return question{fmt.Sprintf("h%d.%s", r.IntN(1e7), b.child()), "A", dns.RcodeSuccess, 0}
	}
}

// delegationQuestions makes n questions for a tld zone, the same ones always: nine of ten below delegations, one for a name
// that does not exist.
func delegationQuestions(z *zone, n int) []question {
	r := rand.New(rand.NewPCG(3, 1035))
	list := make([]question, n)
	for i := range list {
		list[i] = question{"www." + delegation(r.IntN(z.records/4)) + "." + z.origin, "A", dns.RcodeSuccess, 0}
		if r.IntN(10) == 0 {
			list[i] = question{fmt.Sprintf("nx%d.%s", r.IntN(1e7), z.origin), "A", dns.RcodeNameError, 0}
		}
	}
	return list
}

// smallQuestions makes n questions for small zones, the same ones always: for each zone in turn, nine of ten for a host, one for
// a name that does not exist.
func smallQuestions(zones []*zone, n int) []question {
	r := rand.New(rand.NewPCG(4, 1035))
	turns := r.Perm(len(zones))
	list := make([]question, n)
	for i := range list {
		origin := zones[turns[i%len(turns)]].origin
		list[i] = question{fmt.Sprintf("host%d.%s", r.IntN(smallRecords), origin), "A", dns.RcodeSuccess, 1}
		if r.IntN(10) == 0 {
			list[i] = question{fmt.Sprintf("nx%d.%s", r.IntN(1e7), origin), "A", dns.RcodeNameError, 0}
		}
	}
	return list
}

// writeQuestions writes one question a line: name, type, response code, answers.
func writeQuestions(w io.Writer, list []question) error {
	out := bufio.NewWriter(w)
	for _, q := range list {
		fmt.Fprintln(out, q.name, q.qtype, q.rcode, q.answers)
	}
	return out.Flush()
}

// packed is a question as it goes on the wire, but for its ID.
type packed struct {
	msg     []byte
	rcode   byte
	answers uint16
}

func (q question) pack() (packed, error) {
	m := new(dns.Msg).SetQuestion(q.name, dns.StringToType[q.qtype])
	m.RecursionDesired = false
	msg, err := m.Pack()
	if err != nil {
		return packed{}, fmt.Errorf("question %s %s: %w", q.name, q.qtype, err)
	}
	return packed{msg, byte(q.rcode), uint16(q.answers)}, nil
}

func packAll(list []question) ([]packed, error) {
	all := make([]packed, len(list))
	for i, q := range list {
		var err error
		if all[i], err = q.pack(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// readQuestions reads and packs what writeQuestions wrote.
func readQuestions(r io.Reader) ([]packed, error) {
	var list []packed
	in := bufio.NewScanner(r)
	for in.Scan() {
		var q question
		if _, err := fmt.Sscan(in.Text(), &q.name, &q.qtype, &q.rcode, &q.answers); err != nil {
			return nil, fmt.Errorf("question %q: %w", in.Text(), err)
		}
		p, err := q.pack()
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("no questions")
	}
	return list, nil
}
