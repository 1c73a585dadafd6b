// Bytes as text and as CBOR: what a pass is made of, no more.

const BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"; // RFC 9285

export function join(...parts) {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

export function base45(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 2) {
    const pair = at + 1 < bytes.length;
    let number = pair ? bytes[at] * 256 + bytes[at + 1] : bytes[at];
    for (let place = 0; place < (pair ? 3 : 2); place++) {
      text += BASE45[number % 45];
      number = Math.floor(number / 45);
    }
  }
  return text;
}

export function toBase64url(bytes) {
  const plain = btoa(String.fromCharCode(...bytes));
  return plain.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

export function base64url(text) {
  const plain = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(plain), (character) => character.charCodeAt(0));
}

// --- CBOR (RFC 8949) ---------------------------------------------------------------------------

// the head of an item: its kind and its length or value, up to 2^53
export function head(kind, value) {
  const top = kind << 5;
  if (value < 24) return Uint8Array.of(top | value);
  if (value < 0x100) return Uint8Array.of(top | 24, value);
  if (value < 0x10000) return Uint8Array.of(top | 25, value >> 8, value & 0xff);
  const size = value < 0x100000000 ? 4 : 8;
  const item = new Uint8Array(1 + size);
  item[0] = top | (size === 4 ? 26 : 27);
  const view = new DataView(item.buffer);
  if (size === 4) view.setUint32(1, value);
  else view.setBigUint64(1, BigInt(value));
  return item;
}

export const whole = (value) => head(0, value);
export const byteString = (bytes) => join(head(2, bytes.length), bytes);
export const textString = (text) => {
  const bytes = new TextEncoder().encode(text);
  return join(head(3, bytes.length), bytes);
};

// the one item in `bytes`; maps become Map, tags are left away. Throws RangeError, TypeError
export function decode(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;

  function argument(low) {
    if (low < 24) return low;
    const size = { 24: 1, 25: 2, 26: 4, 27: 8 }[low];
    if (size === undefined) throw new TypeError("no CBOR of this kind");
    const start = at;
    at += size;
    if (size === 1) return view.getUint8(start);
    if (size === 2) return view.getUint16(start);
    return size === 4 ? view.getUint32(start) : Number(view.getBigUint64(start));
  }

  function slice(length) {
    if (at + length > bytes.length) throw new RangeError("cut short");
    at += length;
    return bytes.slice(at - length, at);
  }

  function item(depth) {
    if (depth > 8) throw new RangeError("too deep");
    const first = view.getUint8(at++);
    const kind = first >> 5;
    const value = argument(first & 31);
    switch (kind) {
      case 0: return value;
      case 1: return -1 - value;
      case 2: return slice(value);
      case 3: return new TextDecoder("utf-8", { fatal: true }).decode(slice(value));
      case 4: {
        const list = [];
        for (let count = 0; count < value; count++) list.push(item(depth + 1));
        return list;
      }
      case 5: {
        const map = new Map();
        for (let count = 0; count < value; count++) {
          const key = item(depth + 1);
          map.set(key, item(depth + 1));
        }
        return map;
      }
      case 6: return item(depth + 1);
      default:
        if ((first & 31) > 22) throw new TypeError("no CBOR of this kind");
        return { 20: false, 21: true, 22: null }[value];
    }
  }

  const found = item(0);
  if (at !== bytes.length) throw new RangeError("something follows");
  return found;
}
