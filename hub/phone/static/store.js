// The key pair and the pass, kept by the browser. The private key is a handle, never its bytes.

function open() {
  return new Promise((resolve, reject) => {
    const wanted = indexedDB.open("edge-gate-pass", 1);
    wanted.onupgradeneeded = () => wanted.result.createObjectStore("kept");
    wanted.onsuccess = () => resolve(wanted.result);
    wanted.onerror = () => reject(wanted.error);
  });
}

async function within(mode, act) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction("kept", mode);
      const request = act(transaction.objectStore("kept"));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

export const load = (name) => within("readonly", (store) => store.get(name));
export const save = (name, value) => within("readwrite", (store) => store.put(value, name));
export const remove = (name) => within("readwrite", (store) => store.delete(name));
