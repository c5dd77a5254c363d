
/* Frames one digit as MNIST's are: cut out, made square, brought to size, its centre of mass in the middle.
   grey: height x width pixels, row by row. What is above 0 is ink, the brighter the more of it: subtract the ground
   first, and turn dark ink on light paper round.
   image: what comes out, for INKSIGHT(predict).
   Returns 1; or 0 where no pixel is above 0, and then all of image is 0. */
int INKSIGHT(frame)(const uint8_t *grey, int width, int height, uint8_t image[SIZE * SIZE]);
