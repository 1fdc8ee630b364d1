/** What the store keeps of each ticket: some 50 bytes in typed arrays, since a million tickets start in seconds. */
export class Columns {
  #capacity: number;
  /** Ticket number: natural ones from 0, programmed ones from {@link firstProgrammedNumber}. */
  number: Int32Array;
  createdS: Uint32Array;
  createdWallS: Uint32Array;
  updatedWallS: Uint32Array;
  /** Up to when its deeds are in the columns. */
  settledS: Uint32Array;
  /** Its next natural deed; 0 = none. */
  nextS: Uint32Array;
  customer: Uint32Array;
  /** Messages it shows, those of tickets merged into it included. */
  thread: Int32Array;
  user: Uint16Array;
  status: Uint8Array;
  queue: Uint8Array;
  category: Int8Array;
  source: Uint8Array;
  fate: Uint8Array;
  rows = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
    this.number = new Int32Array(capacity);
    this.createdS = new Uint32Array(capacity);
    this.createdWallS = new Uint32Array(capacity);
    this.updatedWallS = new Uint32Array(capacity);
    this.settledS = new Uint32Array(capacity);
    this.nextS = new Uint32Array(capacity);
    this.customer = new Uint32Array(capacity);
    this.thread = new Int32Array(capacity);
    this.user = new Uint16Array(capacity);
    this.status = new Uint8Array(capacity);
    this.queue = new Uint8Array(capacity);
    this.category = new Int8Array(capacity);
    this.source = new Uint8Array(capacity);
    this.fate = new Uint8Array(capacity);
  }

  /** Adds a row for a ticket number and returns it. */
  add(number: number): number {
    if (this.rows === this.#capacity) this.#grow();
    this.number[this.rows] = number;
    return this.rows++;
  }

  #grow(): void {
    const larger = new Columns(Math.ceil(this.#capacity * 1.5) + 1024);
    larger.number.set(this.number);
    larger.createdS.set(this.createdS);
    larger.createdWallS.set(this.createdWallS);
    larger.updatedWallS.set(this.updatedWallS);
    larger.settledS.set(this.settledS);
    larger.nextS.set(this.nextS);
    larger.customer.set(this.customer);
    larger.thread.set(this.thread);
    larger.user.set(this.user);
    larger.status.set(this.status);
    larger.queue.set(this.queue);
    larger.category.set(this.category);
    larger.source.set(this.source);
    larger.fate.set(this.fate);
    const { rows } = this;
    Object.assign(this, larger);
    this.rows = rows;
    this.#capacity = larger.#capacity;
  }
}
