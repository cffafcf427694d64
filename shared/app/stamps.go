package app

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net/http"
	"os"
	"strings"

	"github.com/rs/zerolog"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/proof"
	"adminassistant/shared/stamp"
	"adminassistant/shared/stamp/authority"
	"adminassistant/shared/telemetry"
)

// openAnchors sets up who has heads stamped, where the settings name an authority. Errors are of kind fault.Invalid and name the variable.
func (y *system) openAnchors(through http.RoundTripper) error {
	s := y.settings
	if s.StampURL == "" {
		return nil
	}
	client, err := authority.New(s.StampURL, through)
	if err != nil {
		return fault.Field("ADMIN_ASSISTANT_STAMP_URL", "%s", err)
	}
	if s.StampTrust == "" {
		return fault.Field("ADMIN_ASSISTANT_STAMP_TRUST", "is not set; without a certificate no authority is believed")
	}
	trust, err := ReadTrust(s.StampTrust)
	if err != nil {
		return fault.Field("ADMIN_ASSISTANT_STAMP_TRUST", "%s", err)
	}
	y.anchors = &stamp.Anchors{Table: y.table, Authority: client, Name: s.StampURL, Trust: trust, Signer: y.signing, Clock: y.clock}
	return nil
}

// ReadTrust reads certificates: as PEM, as a file with PEM, or as DER in base64, separated by commas. Errors are of kind fault.Invalid.
func ReadTrust(text string) (*stamp.Trust, error) {
	if strings.Contains(text, "-----BEGIN") {
		return stamp.ReadTrust([]byte(text))
	}
	if data, err := os.ReadFile(text); err == nil {
		return stamp.ReadTrust(data)
	}
	var all []byte
	for part := range strings.SplitSeq(text, ",") {
		der, err := base64.StdEncoding.DecodeString(part)
		if err != nil {
			return nil, fault.New(fault.Invalid, "must be certificates as PEM, a file with them, or DER in base64, separated by commas")
		}
		all = append(all, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return stamp.ReadTrust(all)
}

// anchor has heads stamped, if that is due. What fails is tried again a while later, and keeps nothing else from its work.
func (y *system) anchor(ctx context.Context) {
	if y.anchors == nil {
		return
	}
	if err := y.anchors.Anchor(ctx); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Msg("heads of ledgers not stamped")
		y.metrics.Count(telemetry.Counts{telemetry.HeadsUnkept: 1})
	}
}

// witnesses are all that see the heads of ledgers.
type witnesses []archive.Witness

// Keep implements archive.Witness. One that fails keeps the head from no other.
func (all witnesses) Keep(ctx context.Context, config string, day calendar.Date, checkpoint string) error {
	var errs []error
	for _, w := range all {
		errs = append(errs, w.Keep(ctx, config, day, checkpoint))
	}
	return errors.Join(errs...)
}

// sees returns who is shown the heads of ledgers; nil: nobody.
func (y *system) sees() archive.Witness {
	var all witnesses
	if y.witness != nil {
		all = append(all, y.witness)
	}
	if y.anchors != nil {
		all = append(all, y.anchors)
	}
	switch len(all) {
	case 0:
		return nil
	case 1:
		return all[0]
	}
	return all
}

// stamps returns who says which heads an authority stamped; nil: none did.
func (y *system) stamps() func(ctx context.Context, config string) ([]proof.Stamped, []string, error) {
	if y.anchors == nil {
		return nil
	}
	return func(ctx context.Context, config string) (all []proof.Stamped, problems []string, err error) {
		heads, problems, err := y.anchors.Of(ctx, config)
		for _, h := range heads {
			all = append(all, proof.Stamped{Head: h.Head, Time: h.Time})
		}
		return all, problems, err
	}
}
