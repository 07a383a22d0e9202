/** The names of objects: below the prefix, blobs and what is unfinished lie apart. */
export class Names {
  readonly blobs: string;
  readonly unfinished: string;

  constructor(prefix: string) {
    this.blobs = `${prefix}blobs/`;
    this.unfinished = `${prefix}unfinished/`;
  }

  blob(key: string): string {
    return this.blobs + key;
  }

  upload(key: string): string {
    return this.unfinished + key;
  }

  keyOfBlob(name: string): string {
    return name.slice(this.blobs.length);
  }
}
