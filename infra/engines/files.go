package engines

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The programs, by their folders in SHA256SUMS.
const (
	dynoxide  = "dynoxide-1.2.1"
	elasticMQ = "elasticmq-1.7.1"
)

// ErrNotInstalled says that a program is not there, or not all of it.
var ErrNotInstalled = errors.New("not installed: run infra/engines/install")

//go:embed SHA256SUMS
var sums string

// defaultDir is where the script install puts the programs.
func defaultDir() (string, error) {
	if dir := os.Getenv("HERMOD_ENGINES"); dir != "" {
		return dir, nil
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the cache folder: %w", err)
		}
		cache = filepath.Join(home, ".cache")
	}
	return filepath.Join(cache, "hermod", "engines"), nil
}

// checked returns the files of a program below dir, each of which is what it was when its sum was written down.
func checked(dir, program string) (files []string, err error) {
	for line := range strings.Lines(sums) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if !strings.HasPrefix(name, program+"/") {
			continue
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		got, err := sumOf(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s: %w (%s is missing)", program, ErrNotInstalled, file)
		}
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", program, err)
		}
		if got != sum {
			return nil, fmt.Errorf("%s has SHA-256 %s, want %s: see what changed it, then run infra/engines/install", file, got, sum)
		}
		files = append(files, file)
	}
	return files, nil
}

func sumOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
