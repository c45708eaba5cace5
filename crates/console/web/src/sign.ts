// The key with which a person approves. It is made in this browser and cannot leave it.

const CURVE = { name: "ECDSA", namedCurve: "P-256" };

/** A new key pair whose private half cannot be read. */
export function newKey(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey(CURVE, false, ["sign", "verify"]);
}

/** The public half: SEC1 uncompressed point, base64. */
export async function publicHalf(pair: CryptoKeyPair): Promise<string> {
  return base64(await crypto.subtle.exportKey("raw", pair.publicKey));
}

/** Keeps the key of `user`; one that was kept before is gone. */
export async function keep(user: string, pair: CryptoKeyPair): Promise<void> {
  await done((await keys("readwrite")).put(pair, user));
}

/** Signs what stands in `text` (base64) as `user`: ECDSA with SHA-256, `r` and `s`, base64. None without a key. */
export async function sign(user: string, text: string): Promise<string | undefined> {
  const pair = (await done((await keys("readonly")).get(user))) as CryptoKeyPair | undefined;
  if (!pair) return undefined;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return base64(await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, pair.privateKey, bytes));
}

async function keys(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open("tieline", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore("keys");
  return (await done(opening)).transaction("keys", mode).objectStore("keys");
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function base64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)));
}
