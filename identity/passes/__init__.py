"""The park's own passes: what they say, how they are signed, and how a gate checks them.

A pass is a CWT (RFC 8392) in a COSE_Sign1 (RFC 9052) signed with Ed25519, written `EG1:` + base45
in a QR code's alphanumeric mode, as health certificates are. A pass bound to a phone is shown
inside a second COSE_Sign1 that the phone signs anew every few seconds. docs/reference/pass.md has
every number.
"""
