/**
 * A certificate for api.example.test and other.example.test, and the authority that signed it. They protect nothing: the
 * names do not exist, the keys are public, and only tests trust the authority. Valid for a hundred years. Made with
 * `openssl req -x509` (the authority) and `openssl x509 -req -CA` (the certificate), EC P-256.
 */
export const TEST_CA = `-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUQnaAhmpYKXMwchZhc43h8G1a70IwCgYIKoZIzj0EAwIw
IjEgMB4GA1UEAwwXTWlsbHJhY2UgdGVzdCBhdXRob3JpdHkwIBcNMjYxMTIyMDAw
MjUxWhgPMjEyNjEwMjkwMDAyNTFaMCIxIDAeBgNVBAMMF01pbGxyYWNlIHRlc3Qg
YXV0aG9yaXR5MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1f7EOLF0hR0VQJxh
d+wkzTrE+0RYNEf07wge6URUCkRm/AEOvqcDLpXcAiBPQHKjBuFEAEqD64yTkyoH
HCFLgaNTMFEwHQYDVR0OBBYEFOKIhmtkL6esO6t96+dglHLnzhaPMB8GA1UdIwQY
MBaAFOKIhmtkL6esO6t96+dglHLnzhaPMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZI
zj0EAwIDSAAwRQIgTw8coOPvYpwxOHfkgJkkrBNbRG1y/wvOoiTnSXBy0o0CIQD3
8a/EHzrg2bfzRPkWqCwCwVh9DUEXUsDOeeeCKITOGg==
-----END CERTIFICATE-----`;

export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIB1jCCAXygAwIBAgIUElR308b64Px9WifNJ325f8J7kYIwCgYIKoZIzj0EAwIw
IjEgMB4GA1UEAwwXTWlsbHJhY2UgdGVzdCBhdXRob3JpdHkwIBcNMjYxMTIyMDAw
MjUxWhgPMjEyNjEwMjkwMDAyNTFaMBsxGTAXBgNVBAMMEGFwaS5leGFtcGxlLnRl
c3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATuszk+HQso7O8x5ISXo9LpLZOg
YXLjQBuM6Jdfd/5gDPHZaq8rRw8/MR2DXm/USUCzv6+X8uxcLxMSLL7AzdAGo4GU
MIGRMC8GA1UdEQQoMCaCEGFwaS5leGFtcGxlLnRlc3SCEm90aGVyLmV4YW1wbGUu
dGVzdDAJBgNVHRMEAjAAMBMGA1UdJQQMMAoGCCsGAQUFBwMBMB0GA1UdDgQWBBSZ
CbpcI/irplD9weY9b3JAp4zs3jAfBgNVHSMEGDAWgBTiiIZrZC+nrDurfevnYJRy
584WjzAKBggqhkjOPQQDAgNIADBFAiA5iazIro8BTjlb/0gVYZkc8qNmUfBCbQ4e
JXZ2KcCs5wIhAKiayvl2hjry1oDQCL8ODotlaxfz27FFvl9+cncdKVNH
-----END CERTIFICATE-----`;

export const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgF/jU4OCepSxs97Vn
vK7/r7EqcfhuOkEonSGHeo/sC4mhRANCAATuszk+HQso7O8x5ISXo9LpLZOgYXLj
QBuM6Jdfd/5gDPHZaq8rRw8/MR2DXm/USUCzv6+X8uxcLxMSLL7AzdAG
-----END PRIVATE KEY-----`;
