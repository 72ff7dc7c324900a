/**
 * What graphql-ws takes for granted of the messages that it is given: who may send them, and that an id has one
 * subscription at a time.
 */
import { CloseCode, MessageType, parseMessage } from 'graphql-ws';

interface Subscription {
  /** The client has no more use for it; it ends soon. */
  completed: boolean;
  /** The next one of its id, as it came. */
  next: string | null;
}

/**
 * Hands messages on to `receive`, whose promise says when all of a subscription is over. graphql-ws clears away what it
 * knows of a subscription, by its id, some time after the client's `complete`. A new one of the same id would be
 * cleared away in its place, or leave the old one running with nobody to end it: so it waits until the old one is over.
 * An id that lives or waits already ends the socket with 4409, and what only servers say with 4400.
 */
export function guardSubscriptionIds(
  receive: (text: string) => Promise<void>,
  close: (code: number, reason: string) => void,
): (text: string) => Promise<void> {
  const subscriptions = new Map<string, Subscription>();

  async function run(id: string, first: string): Promise<void> {
    const subscription: Subscription = { completed: false, next: first };
    subscriptions.set(id, subscription);
    try {
      for (let text = subscription.next; text !== null; text = subscription.next) {
        Object.assign(subscription, { completed: false, next: null });
        await receive(text);
      }
    } finally {
      subscriptions.delete(id);
    }
  }

  return async (text) => {
    const message = findMessage(text);
    switch (message?.type) {
      case MessageType.Subscribe: {
        const earlier = subscriptions.get(message.id);
        if (!earlier) return run(message.id, text);
        if (!earlier.completed || earlier.next !== null)
          return close(CloseCode.SubscriberAlreadyExists, `Subscriber for ${message.id} already exists`);
        earlier.next = text;
        return;
      }
      case MessageType.Complete: {
        const subscription = subscriptions.get(message.id);
        if (subscription) Object.assign(subscription, { completed: true, next: null });
        return receive(text);
      }
      case MessageType.ConnectionAck:
      case MessageType.Next:
      case MessageType.Error:
        return close(CloseCode.BadRequest, 'Invalid message received');
      default:
        return receive(text);
    }
  };
}

/** Null for what is no message, which graphql-ws says itself. */
function findMessage(text: string) {
  try {
    return parseMessage(text);
  } catch {
    return null;
  }
}
