// Command release builds what is handed out: binaries with their checksums, a list of what is in
// them (SPDX), and an image for linux/amd64 and linux/arm64. The same commit gives the same bytes.
//
//	go run . [-platforms linux/amd64,…] [-tag 0.1.0] OUT
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
)

const platforms = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64"

func main() {
	log.SetFlags(0)
	list := flag.String("platforms", platforms, "what to build for; the image has those of linux")
	tag := flag.String("tag", "dev", "tag of the image")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: go run . [-platforms linux/amd64,…] [-tag 0.1.0] OUT")
	}
	if err := release(flag.Arg(0), *tag, strings.Split(*list, ",")); err != nil {
		log.Fatal(err)
	}
}

// A binary is the program for one platform.
type binary struct {
	os, arch, path string
}

func release(out, tag string, platforms []string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var built []binary
	for _, platform := range platforms {
		b, err := build(out, platform)
		if err != nil {
			return fmt.Errorf("build for %s: %w", platform, err)
		}
		built = append(built, b)
	}
	if err := writeSBOM(filepath.Join(out, "hookspan.spdx.json"), built[0]); err != nil {
		return fmt.Errorf("list what is in it: %w", err)
	}
	if err := writeChecksums(out, built); err != nil {
		return err
	}
	onLinux := slices.DeleteFunc(slices.Clone(built), func(b binary) bool { return b.os != "linux" })
	if len(onLinux) == 0 {
		return nil
	}
	digest, err := writeImage(out, tag, onLinux)
	if err != nil {
		return fmt.Errorf("make the image: %w", err)
	}
	fmt.Println(digest)
	return nil
}

func build(out, platform string) (binary, error) {
	system, arch, ok := strings.Cut(platform, "/")
	if !ok {
		return binary{}, errors.New("want os/arch")
	}
	b := binary{os: system, arch: arch, path: filepath.Join(out, "hookspan-"+system+"-"+arch)}
	if system == "windows" {
		b.path += ".exe"
	}
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=true", "-ldflags", "-s -w -buildid=", "-o", b.path, "./cmd/hookspan")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOOS="+system, "GOARCH="+arch)
	if text, err := cmd.CombinedOutput(); err != nil {
		return b, fmt.Errorf("%w\n%s", err, text)
	}
	return b, nil
}

func writeChecksums(out string, built []binary) error {
	var text strings.Builder
	for _, b := range built {
		data, err := os.ReadFile(b.path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "%x  %s\n", sha256.Sum256(data), filepath.Base(b.path))
	}
	return os.WriteFile(filepath.Join(out, "SHA256SUMS"), []byte(text.String()), 0o644)
}

// setting is one of those that the Go tool notes in a binary.
func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
