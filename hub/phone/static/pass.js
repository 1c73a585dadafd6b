// The phone's part of a rotating pass (docs/reference/pass.md): its key, and the changing code.

import {
  base45, base64url, byteString, decode, head, join, textString, toBase64url, whole,
} from "./bytes.js";

const ES256 = { name: "ECDSA", hash: "SHA-256" };
const P256 = { name: "ECDSA", namedCurve: "P-256" };
const KEY_LABEL = new TextEncoder().encode("edge-gate phone key 1");
const PROTECTED = Uint8Array.of(0xa1, 0x01, 0x26); // {1: -7}
// CWT claims, and the park's own below -65537
const [SUB, EXP, NBF, CNF, OURS] = [2, 4, 5, 8, -65537];
const [CATEGORY, SITES, NAME, STEP] = [1, 2, 3, 5];
const STEP_S = 10;

// a key pair whose private half never leaves the browser
export function makeKey() {
  return crypto.subtle.generateKey(P256, false, ["sign"]);
}

// the point, compressed (SEC 1, section 2.3.3)
export async function pointOf(pair) {
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return join(Uint8Array.of(raw[64] & 1 ? 3 : 2), raw.slice(1, 33));
}

async function sign(pair, covered) {
  return new Uint8Array(await crypto.subtle.sign(ES256, pair.privateKey, covered));
}

// for the office: the public key, and the proof that this phone has the private one; as a code,
// and as a text that messengers leave as it is
export async function keyTexts(pair) {
  const point = await pointOf(pair);
  const proved = join(point, await sign(pair, join(KEY_LABEL, point)));
  return { code: "EGK1:" + base45(proved), text: "EGK1." + toBase64url(proved) };
}

// the signed pass in a link or in its bare text. Throws
export function readLink(text) {
  const trimmed = text.trim();
  const hash = trimmed.indexOf("#p=");
  return base64url(hash < 0 ? trimmed : trimmed.slice(hash + 3));
}

// what the pass says, for the person who holds it; nothing is checked here. Throws
export function readPass(bytes) {
  const claims = decode(decode(bytes)[2]);
  const ours = claims.get(OURS);
  const key = claims.get(CNF).get(1);
  return {
    holder: claims.get(SUB),
    name: ours.get(NAME) ?? claims.get(SUB),
    category: ours.get(CATEGORY),
    sites: ours.get(SITES) ?? [],
    from: new Date(claims.get(NBF) * 1000),
    until: new Date((claims.get(EXP) - 1) * 1000),
    stepS: ours.get(STEP) ?? STEP_S,
    point: join(Uint8Array.of(key.get(-3) ? 3 : 2), key.get(-2)),
  };
}

export function stepAt(milliseconds, stepS) {
  return Math.floor(milliseconds / 1000 / stepS);
}

// the text of the code for one time step
export async function rotatingCode(pair, pass, step) {
  const payload = byteString(join(head(4, 2), byteString(pass), whole(step)));
  const covered = join(
    head(4, 4), textString("Signature1"), byteString(PROTECTED), byteString(new Uint8Array()),
    payload,
  );
  const signature = byteString(await sign(pair, covered));
  return "EG1:" + base45(join(
    head(6, 18), head(4, 4), byteString(PROTECTED), head(5, 0), payload, signature,
  ));
}
