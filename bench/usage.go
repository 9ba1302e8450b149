package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// usage is what a process group has used. Memory is in octets, time in seconds.
type usage struct {
	processes   int
	user, sys   float64 // with that of children that have ended
	rss, pss    float64 // resident; pss counts what n processes share as 1/n for each
	peak        float64 // of rss, each process at its own time: too high for servers of several processes
	peakIsExact bool
}

// resident is the memory that the group has for itself.
func (u usage) resident() float64 {
	if u.processes > 1 {
		return u.pss
	}
	return u.rss
}

func (u usage) cpu() float64 { return u.user + u.sys }

// ticks of /proc in a second: Linux has told all programs 100, on every architecture, whatever its own clock.
const ticks = 100

// usageOf reads /proc for the processes of a group.
func usageOf(group int) (usage, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return usage{}, err
	}
	var u usage
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		s, err := parseStat(string(text))
		if err != nil {
			return u, fmt.Errorf("%s: %w", path, err)
		}
		if s.group != group {
			continue
		}
		dir := filepath.Dir(path)
		u.processes++
		u.user += s.user
		u.sys += s.sys
		u.rss += field(dir+"/status", "VmRSS:")
		u.peak += field(dir+"/status", "VmHWM:")
		u.pss += field(dir+"/smaps_rollup", "Pss:")
	}
	if u.processes == 0 {
		return u, errors.New("the server is not in /proc")
	}
	u.peakIsExact = u.processes == 1
	return u, nil
}

// forgetPeak has the peak of a process count from now on, see proc(5).
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

type stat struct {
	group     int
	user, sys float64
}

// parseStat reads a line of /proc/PID/stat, see proc(5).
func parseStat(line string) (stat, error) {
	_, rest, ok := cutLast(line, ") ") // the program's name, in parentheses, may have anything in it
	f := strings.Fields(rest)
	if !ok || len(f) < 15 {
		return stat{}, fmt.Errorf("%d fields after the name, want 15 and more", len(f))
	}
	var n [5]int
	for i, at := range []int{2, 11, 12, 13, 14} { // pgrp, utime, stime, cutime, cstime
		v, err := strconv.Atoi(f[at])
		if err != nil {
			return stat{}, err
		}
		n[i] = v
	}
	return stat{n[0], float64(n[1]+n[3]) / ticks, float64(n[2]+n[4]) / ticks}, nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// field returns a field "Name:  123 kB" in octets; 0 if there is none, as for a process that has ended.
func field(path, name string) float64 {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			n, _, _ := strings.Cut(strings.TrimSpace(string(rest)), " ")
			kib, _ := strconv.ParseFloat(n, 64)
			return kib * 1024
		}
	}
	return 0
}

// machine says in a line what the figures were taken on, and whether others use it.
func machine() string {
	model := "unknown CPU"
	if f, err := os.Open("/proc/cpuinfo"); err == nil {
		defer f.Close()
		for in := bufio.NewScanner(f); in.Scan(); {
			if name, value, ok := strings.Cut(in.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	load, _ := os.ReadFile("/proc/loadavg")
	now, _, _ := strings.Cut(string(load), " ")
	return fmt.Sprintf("%d CPUs (%s), %s, load before the run %s", runtime.NumCPU(), model, runtime.Version(), now)
}
