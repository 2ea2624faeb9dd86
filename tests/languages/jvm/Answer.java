public class Answer {
  private static int calls;

  public static String answer() {
    return "1.0.0 " + ++calls;
  }
}
