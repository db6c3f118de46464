using System;

static class Tag
{
    static void Main(string[] args)
    {
        Console.WriteLine(ChatTag.Html(args[0], ChatToken.Create(args[0], args[1])));
    }
}
