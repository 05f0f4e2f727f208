import { type BundleScene, drawBundles } from './bundle-drawing.ts';

// Answers each scene with its image; null if the browser cannot draw here.
addEventListener('message', ({ data }: MessageEvent<BundleScene>) => {
  const image = drawBundles(data);
  self.postMessage(image, { transfer: image === null ? [] : [image] });
});
