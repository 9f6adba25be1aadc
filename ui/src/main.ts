import "@fontsource-variable/inter/index.css";
import "@fontsource-variable/jetbrains-mono/index.css";
import "./tokens.css";
import "./base.css";

// Reading the program takes a few frames. The first one draws what index.html holds, so that the window is never blank; a
// window that is started hidden gets no frames and does not wait for one.
const firstFrame = new Promise<void>((drawn) => {
  requestAnimationFrame(() => setTimeout(drawn));
  setTimeout(drawn, 100);
});

void firstFrame.then(() => import("./start"));
