import type { Raw } from './raw.ts';

/** How the fields of an object are written, where that is not as they stand there. */
export interface Shape {
  get(field: string): FieldShape | undefined;
}

export interface FieldShape {
  /** What a field says; undefined where it says no more than if it were not there. */
  readonly said: ((value: unknown, owner: Raw) => unknown) | undefined;
  /** Of the object in the field, or of the objects in the list there. */
  readonly shape: Shape | undefined;
}

/*
 * A whole pod template is written at each admission of a workload, so it is written byte by byte into one buffer: to put it together from
 * texts takes twice the time. Nothing else is written while something is, and nobody sees the buffer but through the two functions here.
 */
let bytes = Buffer.alloc(64 * 1024);
let end = 0;

/**
 * `value` with the fields of objects in order and without those that are null or empty.
 *
 * API servers differ in these (`creationTimestamp: null` in a pod template went away with a release of Kubernetes), and a
 * difference here would roll every workload that has a sidecar after an upgrade of the cluster. Texts are written with their
 * length, which takes no escaping.
 *
 * @returns bytes that are good until the next call
 */
export function canonicalBytes(value: unknown, shape?: Shape): Uint8Array {
  for (;;) {
    end = 0;
    write(value, shape);
    if (end <= bytes.length) return bytes.subarray(0, end);
    // What is written behind the end of a buffer is lost without a word.
    bytes = Buffer.alloc(2 * end);
  }
}

/** The same as text: two values that mean the same have one. */
export function canonical(value: unknown): string {
  return canonicalBytes(value).toString();
}

function write(value: unknown, shape: Shape | undefined): void {
  if (typeof value === 'string') {
    writeCounted(value);
  } else if (Array.isArray(value)) {
    if (value.length > 0) writeList(value, shape);
  } else if (typeof value === 'object' && value !== null) {
    writeObject(value as Raw, shape);
  } else if (value !== null && value !== undefined) {
    writeText(String(value));
  }
}

function writeList(list: readonly unknown[], shape: Shape | undefined): void {
  put('['.charCodeAt(0));
  for (const entry of list) {
    write(entry, Array.isArray(entry) ? undefined : shape);
    put(COMMA);
  }
  put(']'.charCodeAt(0));
}

function writeObject(object: Raw, shape: Shape | undefined): void {
  const start = end;
  put('{'.charCodeAt(0));
  for (const field of sorted(Object.keys(object))) {
    const own = shape?.get(field);
    const value = own?.said === undefined ? object[field] : own.said(object[field], object);
    if (value === undefined || value === null) continue;
    const before = end;
    writeCounted(field);
    put('='.charCodeAt(0));
    const empty = end;
    write(value, own?.shape);
    if (end === empty) end = before;
    else put(COMMA);
  }
  if (end === start + 1) end = start;
  else put('}'.charCodeAt(0));
}

const COMMA = ','.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);

function writeCounted(text: string): void {
  const { length } = text;
  if (length < 10) put(ZERO + length);
  else writeText(String(length));
  put(':'.charCodeAt(0));
  writeText(text);
}

function writeText(text: string): void {
  const into = bytes;
  let at = end;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) {
      writeUTF8(text);
      return;
    }
    into[at] = code;
    at += 1;
  }
  end = at;
}

function writeUTF8(text: string): void {
  const length = Buffer.byteLength(text);
  if (end + length <= bytes.length) bytes.write(text, end);
  end += length;
}

function put(code: number): void {
  bytes[end] = code;
  end += 1;
}

/** Objects have few fields, and for few there is nothing quicker; with many, it would be the slowest. */
const FEW = 24;

function sorted(fields: string[]): string[] {
  if (fields.length > FEW) return fields.sort();
  for (let i = 1; i < fields.length; i += 1) {
    const field = fields[i] as string;
    let j = i;
    for (; j > 0 && (fields[j - 1] as string) > field; j -= 1) fields[j] = fields[j - 1] as string;
    fields[j] = field;
  }
  return fields;
}
