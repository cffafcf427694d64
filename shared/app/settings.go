// Package app is the composition root: it turns settings into services, for one machine and for the cloud.
package app

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/adrg/xdg"
	"github.com/caarlos0/env/v11"

	"adminassistant/shared/fault"
)

// Settings are all that the environment decides. Nothing else reads the environment.
type Settings struct {
	// Data is the folder of the embedded stores; empty means the operating system's folder for data.
	Data string `env:"ADMIN_ASSISTANT_DATA"`
	// API is where the command line finds a running server.
	API string `env:"ADMIN_ASSISTANT_API" envDefault:"http://127.0.0.1:8080"`
	// LogLevel is one of debug, info, warn, error, disabled; empty means warn for a server, disabled for a command.
	LogLevel string `env:"ADMIN_ASSISTANT_LOG_LEVEL"`
	// Lease is how long an archive calendar stays reserved after the last sign of life of a run.
	Lease time.Duration `env:"ADMIN_ASSISTANT_LEASE" envDefault:"15s"`
	// HandOn is how long before its deadline a worker stops and hands the rest of a run on.
	HandOn time.Duration `env:"ADMIN_ASSISTANT_HAND_ON" envDefault:"60s"`
}

// FromEnvironment reads the settings; errors are of kind fault.Invalid and name the variable.
func FromEnvironment() (Settings, error) {
	var s Settings
	if err := env.Parse(&s); err != nil {
		return Settings{}, fault.New(fault.Invalid, "settings: %v", err)
	}
	if s.Lease < time.Second || s.Lease > 15*time.Minute {
		return Settings{}, fault.Field("ADMIN_ASSISTANT_LEASE", "must be between 1s and 15m, not %s", s.Lease)
	}
	if s.HandOn < 0 || s.HandOn > 10*time.Minute {
		return Settings{}, fault.Field("ADMIN_ASSISTANT_HAND_ON", "must be between 0s and 10m, not %s", s.HandOn)
	}
	return s, nil
}

// DataDir returns the absolute path of the data folder.
func (s Settings) DataDir() (string, error) {
	dir := s.Data
	if dir == "" {
		dir = filepath.Join(xdg.DataHome, "admin-assistant")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return abs, nil
}
