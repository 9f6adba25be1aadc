import { createSubscriber } from "svelte/reactivity";

/**
 * The current time in milliseconds, as a rune that ticks once a second.
 *
 * It ticks only while something on screen reads it, so an idle window sets no timers.
 */
class Clock {
  #subscribe = createSubscriber((update) => {
    const timer = setInterval(update, 1000);
    return () => {
      clearInterval(timer);
    };
  });

  get now(): number {
    this.#subscribe();
    return Date.now();
  }
}

export const clock = new Clock();
