package nexus_test

import (
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"nexus"
)

func TestTheLogHasOneFunction(t *testing.T) {
	var lines []string
	must(t, nexus.SetLog(nexus.LogInfo, func(level nexus.LogLevel, message string) {
		lines = append(lines, fmt.Sprint(level, " ", message))
	}))
	nexus.PassLine(nexus.LogWarn, "a line")
	mustBe(t, nexus.SetLog(99, func(nexus.LogLevel, string) {}), fs.ErrInvalid)
	nexus.PassLine(nexus.LogError, "after a refused level")
	must(t, nexus.SetLog(0, nil))
	nexus.PassLine(nexus.LogError, "after the end")
	equal(t, "the lines", strings.Join(lines, ", "), "2 a line, 1 after a refused level")
}

// Every function of the header is called by the package.
func TestEveryCallOfTheHeaderIsBound(t *testing.T) {
	header := mustRead(t, "../../include/nexus.h")
	declared := regexp.MustCompile(`(?m)^[a-z].*?\b\*?(nexus_[a-z_]+)\(`).FindAllStringSubmatch(header, -1)
	if len(declared) < 90 {
		t.Fatalf("only %d functions were found in the header", len(declared))
	}
	var sources strings.Builder
	files, err := os.ReadDir(".")
	must(t, err)
	for _, file := range files {
		name := file.Name()
		if strings.HasSuffix(name, ".c") || strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			sources.WriteString(mustRead(t, name))
		}
	}
	called := regexp.MustCompile(`nexus_[a-z_]+`).FindAllString(sources.String(), -1)
	called = append(called, "nexus_error_status") // each call returns it
	for _, function := range declared {
		if !slices.Contains(called, function[1]) {
			t.Errorf("%s is not bound", function[1])
		}
	}
}
