//go:build cgo

package nexus

import (
	"encoding/json"
	"time"
)

// Config is the configuration of a store. A field at its zero value is not set: the environment
// (NEXUS_...), a configuration file and the default decide, in this order. Pointers distinguish a
// value from its absence; [Ptr] makes them.
type Config struct {
	// DataDir is the directory of the store; created if it is missing. Default: "./nexus-data".
	DataDir string `json:"data_dir,omitempty"`
	// DBPath is the database; by default metadata.db in DataDir.
	DBPath string `json:"db_path,omitempty"`
	// TenantID and AgentID bind the store to one tenant and agent. Nil means every one. The empty
	// string is an error, so that a missing variable gives no access.
	TenantID *string `json:"tenant_id,omitempty"`
	AgentID  *string `json:"agent_id,omitempty"`
	// IsAdmin gives access to the files of all tenants and agents. With AllowReadonlyWrites, it may
	// write to read-only namespaces.
	IsAdmin             bool `json:"is_admin,omitempty"`
	AllowReadonlyWrites bool `json:"allow_readonly_writes,omitempty"`
	// StrictNamespaces denies paths outside of registered namespaces.
	StrictNamespaces *bool `json:"strict_namespaces,omitempty"`
	// Namespaces declares namespaces; they apply to every process that opens the store from then on.
	Namespaces []Namespace `json:"namespaces,omitempty"`
	// Mounts puts the content below a path into another directory.
	Mounts []Mount `json:"mounts,omitempty"`
	// Durability is "full" (default: acknowledged commits survive power loss) or "normal".
	Durability string `json:"durability,omitempty"`
	// CacheSizeMB bounds all caches together. Default: 100.
	CacheSizeMB *int `json:"cache_size_mb,omitempty"`
	// InlineMaxBytes is up to which size content lives in the database. Default: 65,536.
	InlineMaxBytes *int `json:"inline_max_bytes,omitempty"`
	// BusyTimeout limits each wait for another writer; then the call returns ErrBusy. Default: 30 s.
	BusyTimeout *time.Duration `json:"-"`
	// Housekeeping says whether a thread makes checkpoints. Default: true.
	Housekeeping *bool `json:"housekeeping,omitempty"`
	// ConfigFile is a YAML file with the other keys, or [DiscoverConfig].
	ConfigFile string `json:"config_file,omitempty"`
	// Mode is "embedded". Other modes are ErrUnsupported.
	Mode string `json:"mode,omitempty"`
	// URL, APIKey and Timeout are for other modes, and only checked for their form.
	URL     string         `json:"url,omitempty"`
	APIKey  string         `json:"api_key,omitempty"`
	Timeout *time.Duration `json:"-"`
	// EnableVectorSearch and EnableLLMCache are accepted; [Store.Config] says whether the library has the feature.
	EnableVectorSearch *bool `json:"enable_vector_search,omitempty"`
	EnableLLMCache     *bool `json:"enable_llm_cache,omitempty"`
}

// DiscoverConfig as Config.ConfigFile looks for ./nexus.yaml, ./nexus.yml and ~/.nexus/config.yaml.
const DiscoverConfig = "auto"

// Namespace declares a namespace: the paths below /Name.
type Namespace struct {
	Name      string
	Readonly  bool
	AdminOnly bool
	// NoTenant says that the namespace is not divided by tenants. Else paths have the form /Name/{tenant}/...
	NoTenant bool
	// Remove withdraws an earlier declaration.
	Remove bool
}

// MarshalJSON writes the namespace as the configuration has it.
func (n Namespace) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{
		"name":            n.Name,
		"readonly":        n.Readonly,
		"admin_only":      n.AdminOnly,
		"requires_tenant": !n.NoTenant,
		"remove":          n.Remove,
	})
}

// Mount puts the content below Path into the directory Root of the host.
type Mount struct {
	Name string `json:"name"`
	Path string `json:"path"`
	// Backend is "local", also where it is empty.
	Backend  string `json:"backend,omitempty"`
	Root     string `json:"root"`
	Readonly bool   `json:"readonly,omitempty"`
}

// MarshalJSON writes the mount as the configuration has it.
func (m Mount) MarshalJSON() ([]byte, error) {
	type plain Mount
	if m.Backend == "" {
		m.Backend = "local"
	}
	return json.Marshal(plain(m))
}

// MarshalJSON writes the configuration as [OpenJSON] takes it.
func (c Config) MarshalJSON() ([]byte, error) {
	type plain Config
	durations := struct {
		plain
		BusyTimeout *int64   `json:"busy_timeout_ms,omitempty"`
		Timeout     *float64 `json:"timeout,omitempty"`
	}{plain: plain(c)}
	if c.BusyTimeout != nil {
		durations.BusyTimeout = Ptr(c.BusyTimeout.Milliseconds())
	}
	if c.Timeout != nil {
		durations.Timeout = Ptr(c.Timeout.Seconds())
	}
	return json.Marshal(durations)
}

// Ptr returns a pointer to a value, for the fields of Config.
func Ptr[T any](value T) *T {
	return &value
}

// Setting is one key of the effective configuration: its value, and where that comes from, such as "explicit",
// "environment" or "default".
type Setting struct {
	Source string          `json:"source"`
	Value  json.RawMessage `json:"value"`
}
