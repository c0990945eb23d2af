package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nexus"
)

const isProgram = "WORKER_TEST_IS_PROGRAM"

// The tests start the program itself as a process: this one's.
func TestMain(m *testing.M) {
	if os.Getenv(isProgram) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// tooLong is when a worker that has not ended never will.
const tooLong = 2 * time.Minute

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), tooLong)
	t.Cleanup(cancel)
	return ctx
}

func program(t *testing.T, arguments ...string) (*exec.Cmd, *bytes.Buffer) {
	var output bytes.Buffer
	command := exec.CommandContext(within(t), os.Args[0], arguments...)
	command.Env = append(os.Environ(), isProgram+"=1")
	command.Stdout, command.Stderr = &output, &output
	return command, &output
}

func storeWithAJob(t *testing.T) *nexus.Store {
	store, err := nexus.Open(nexus.Config{DataDir: filepath.Join(t.TempDir(), "store"), Durability: "normal"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if err := errors.Join(store.Write(jobs+"a", nil), store.SetMeta(jobs+"a", "status", "ready")); err != nil {
		t.Fatal(err)
	}
	return store
}

func TestAWorkerEndsWhenAnotherHasFinishedTheLastItem(t *testing.T) {
	store, ctx := storeWithAJob(t), within(t)
	ended := make(chan error, 2)
	idle := worker{store, "idle", time.Minute, func(context.Context, nexus.WorkItem) (string, error) {
		return "", errors.New("the item is another's")
	}}
	busy := worker{store, "busy", time.Minute, func(context.Context, nexus.WorkItem) (string, error) {
		go func() { ended <- idle.work(ctx) }()
		time.Sleep(500 * time.Millisecond) // until the other waits
		return "done", nil
	}}
	ended <- busy.work(ctx)
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("a worker ended with %v", err)
		}
	}
	if output, err := store.Read("/results/a"); string(output) != "done" {
		t.Errorf("the output is %q (%v)", output, err)
	}
}

func TestProgramsShareAStore(t *testing.T) {
	directory := filepath.Join(t.TempDir(), "store")
	first, firstOutput := program(t, directory)
	second, secondOutput := program(t, directory)
	late, lateOutput := program(t, directory)
	if err := errors.Join(first.Start(), second.Start(), first.Wait(), second.Wait(), late.Run()); err != nil {
		t.Fatalf("they ended with %v", err)
	}
	expected, err := os.ReadFile("expected.txt")
	if err != nil {
		t.Fatal(err)
	}
	attempts, results, _ := strings.Cut(string(expected), "results")
	results = "results" + results
	printed := firstOutput.String() + secondOutput.String()
	for _, line := range strings.SplitAfter(strings.TrimSuffix(attempts, "\n"), "\n") {
		if strings.Count(printed, line) != 1 {
			t.Errorf("%q is not the work of one of the two:\n%s", line, printed)
		}
	}
	if strings.Count(printed, results) != 2 || lateOutput.String() != results {
		t.Errorf("%q was not printed by each:\n%sand\n%s", results, printed, lateOutput)
	}
}

func TestAWorkerEndsWithTheErrorOfAHeartbeat(t *testing.T) {
	store, ctx := storeWithAJob(t), within(t)
	w := worker{store, "unlucky", 300 * time.Millisecond, func(held context.Context, _ nexus.WorkItem) (string, error) {
		store.Close()
		<-held.Done()
		return "", held.Err()
	}}
	if err := w.work(ctx); !errors.Is(err, fs.ErrClosed) || ctx.Err() != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestAnInterruptedProgramLeavesNothingBehind(t *testing.T) {
	directory := t.TempDir()
	command, output := program(t)
	command.Env = append(command.Env, "TMPDIR="+directory)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for ctx := within(t); ctx.Err() == nil; time.Sleep(time.Millisecond) {
		if stores, _ := filepath.Glob(filepath.Join(directory, "*", "store")); len(stores) > 0 {
			break
		}
	}
	command.Process.Signal(os.Interrupt)
	command.Wait()
	// By itself, whether it was interrupted or faster: the signal has not killed it.
	if !command.ProcessState.Exited() {
		t.Errorf("it ended with %v:\n%s", command.ProcessState, output)
	}
	left, err := os.ReadDir(directory)
	if err != nil || len(left) > 0 {
		t.Errorf("it left %v (%v)", left, err)
	}
}
