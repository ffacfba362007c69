// What is used of two libraries that come without types.
declare module 'lz4js' {
  export function compress(bytes: Uint8Array): Uint8Array;
  export function decompress(frame: Uint8Array): Uint8Array;
}
declare module 'snappyjs' {
  export function compress(bytes: Buffer): Buffer;
  export function uncompress(block: Buffer): Buffer;
}
